package mirror

import (
	"fmt"
	"testing"
	"time"

	"mirrord/internal/cache"
)

// superseded is how many objects are marked by now.
func (h *house) superseded() (n int64) {
	h.m.wg.Wait()
	for _, a := range h.store.Stats().Accounts {
		n += a.Superseded.Objects
	}
	return n
}

// next publishes a generation and updates to it.
func (h *house) next(c *Client, a *archive, date time.Time) {
	h.t.Helper()
	a.seal(date).publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.update(c, a)
}

// TestSupersededByGeneration: of a generation that is current no more its root, its
// index and the packages that the new one does not name go first; what it has in
// common with the new one does not.
func TestSupersededByGeneration(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", "hello", "world"), newArchive("2", "hello")
	world, worldData := old.deb("world", "1")
	young.addDeb(world, worldData)
	c := new(Client)
	h.next(c, old, monday)
	hello, helloData := old.deb("hello", "1")
	h.wants(c, hello, helloData)
	h.wants(c, world, worldData)
	if n := h.superseded(); n != 0 {
		t.Fatalf("%d objects are superseded already", n)
	}
	h.next(c, young, tuesday)
	if n := h.superseded(); n != 3 {
		t.Errorf("%d objects are superseded, expected the root, the index and hello", n)
	}
	// A client that is behind uses it; it stays what it is.
	h.advance(time.Hour)
	h.wants(&Client{}, hello, helloData)
	h.stop()
	h.start()
	if n := h.superseded(); n != 3 {
		t.Errorf("%d objects are superseded after a restart", n)
	}
	st := h.store.Stats()
	h.maxSize = st.Bytes - st.Accounts["deb"].Superseded.Bytes
	h.stop()
	h.start()
	for end := time.Now().Add(10 * time.Second); h.superseded() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if now := h.store.Stats(); now.Bytes != h.maxSize || now.Objects != st.Objects-3 {
		t.Errorf("%d objects of %d bytes are left of %d, expected three to go", now.Objects, now.Bytes, st.Objects)
	}
	h.update(new(Client), young)
	h.wants(new(Client), world, worldData)
}

// addDeb adds a package of another archive.
func (a *archive) addDeb(p, data string) {
	const plain = suite + "/main/binary-amd64/Packages"
	a.files[p] = data
	a.files[plain] += fmt.Sprintf("Package: more\nVersion: 1\nFilename: %s\nSize: %d\nSHA256: %x\n\n", p, len(data), sum(data))
	a.files[packagesGz] = zip(a.files[plain])
}

// TestSupersededAndBack: what upstream goes back to is current again.
func TestSupersededAndBack(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", "hello"), newArchive("2", "hello")
	c := new(Client)
	h.next(c, old, monday)
	p, data := old.deb("hello", "1")
	h.wants(c, p, data)
	h.next(c, young, tuesday)
	if n := h.superseded(); n != 3 {
		t.Fatalf("%d objects are superseded, expected 3", n)
	}
	// A third one names the old package again.
	third := newArchive("3", "other")
	third.addDeb(p, data)
	h.next(c, third, tuesday.Add(time.Hour))
	if n := h.superseded(); n != 4 { // two roots, two indexes
		t.Errorf("%d objects are superseded, expected 4", n)
	}
}

// TestCurrentElsewhere: what a current index of another repository names is not
// superseded.
func TestCurrentElsewhere(t *testing.T) {
	h := newHouse(t, 1)
	c := new(Client)
	fedora := newRPM(h, "1", monday, false)
	fedora.publish(h.ups[0])
	h.makecache(c, fedora, "primary.xml.gz")
	old, data := newArchive("1", "hello"), fedora.files[helloRPM]
	old.addDeb("pool/same.deb", data)
	h.next(c, old, monday)
	h.wants(c, "pool/same.deb", data)
	h.next(c, newArchive("2", "hello"), tuesday)
	if n := h.superseded(); n != 2 {
		t.Errorf("%d objects are superseded, expected the root and the index", n)
	}
	if a := h.rpmWants(nil, helloRPM, data); a.How != cache.Hit {
		t.Errorf("it came by %v", a.How)
	}
}

// TestUnreadIndexSupersedesNothing: as long as a current index was not read, what the
// one before it names is taken for current.
func TestUnreadIndexSupersedesNothing(t *testing.T) {
	h := newHouse(t, 1)
	c := new(Client)
	h.next(c, newArchive("1", "hello"), monday)
	h.next(c, newArchive("2", "hello"), tuesday)
	h.m.wg.Wait()
	r := h.m.repos["deb"]
	head := r.tables.vouched()[0]
	if !head.head {
		t.Fatal("the current table does not come first")
	}
	before := r.tables.vouched()[1].name("deb")
	current := func() bool {
		s, _, err := r.standing()
		if err != nil {
			t.Fatal(err)
		}
		return s[before].current
	}
	if current() {
		t.Error("an old index counts although the current one was read")
	}
	if err := h.store.Update(func(tx cache.Tx) error { return tx.Drop(head.name("deb")) }); err != nil {
		t.Fatal(err)
	}
	if !current() {
		t.Error("nothing stands for an index that was not read")
	}
}

// TestUnmarkedAfterCrash: what was not marked when mirrord ended is marked after the
// next start.
func TestUnmarkedAfterCrash(t *testing.T) {
	h := newHouse(t, 1)
	c := new(Client)
	old := newArchive("1", "hello")
	h.next(c, old, monday)
	p, data := old.deb("hello", "1")
	h.wants(c, p, data)
	h.m.wg.Wait()
	h.m.settling.mu.Lock()
	h.m.settling.runs = true // nothing is marked from here on, as if each came too late
	h.m.settling.mu.Unlock()
	h.next(c, newArchive("2", "hello"), tuesday)
	if n := h.superseded(); n != 0 {
		t.Fatalf("%d objects are marked", n)
	}
	h.stop()
	h.start()
	if n := h.superseded(); n != 3 {
		t.Errorf("%d objects are superseded after a restart, expected 3", n)
	}
}
