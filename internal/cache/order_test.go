package cache

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/worth"

	bolt "go.etcd.io/bbolt"
)

// clock is a time that stands still until it is set forward.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ns.Store(time.Unix(1e9, 0).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// fillFor stores an object that the account pays for.
func fillFor(t *testing.T, s *Store, account string, size int) digest.Digest {
	t.Helper()
	src := newFake(t, size)
	w := src.vouched()
	w.Account = account
	readAll(t, get(t, s, w), src.data)
	settled(t, s)
	return digest.Of(src.data)
}

// hit uses an object that is there.
func hit(t *testing.T, s *Store, d digest.Digest) {
	t.Helper()
	c, err := s.Object(d)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestScan: one pass over far more than fits leaves what is used again, before and
// after a restart.
func TestScan(t *testing.T) {
	now := newClock()
	o := Options{Dir: t.TempDir(), MaxSize: 10 << 20, Now: now.now}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var hot []digest.Digest
	for i := range 7 {
		hot = append(hot, fill(t, s, 1<<20+i))
	}
	now.advance(2 * worth.Grain)
	for _, d := range hot {
		hit(t, s, d)
	}
	for round := range 2 {
		for i := range 25 {
			now.advance(time.Second)
			fill(t, s, 1<<20+100+100*round+i)
		}
		for i, d := range hot {
			if !s.Has(d) {
				t.Errorf("round %d: a scan threw hot object %d out", round, i)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, o)
	}
	if st := s.Stats(); st.Bytes > 10<<20 || st.Objects < 8 {
		t.Errorf("%d objects of %d bytes are stored", st.Objects, st.Bytes)
	}
}

// TestUsesCountOnce: a burst of uses is one use.
func TestUsesCountOnce(t *testing.T) {
	now := newClock()
	s := open(t, Options{Now: now.now})
	d := fill(t, s, 1<<20)
	for range 5 {
		now.advance(worth.Grain / 10)
		hit(t, s, d)
	}
	if err := s.flushTouched(); err != nil {
		t.Fatal(err)
	}
	if o, err := s.lookup(d); err != nil || o.Uses != 1 {
		t.Errorf("%d uses, %v; expected 1", o.Uses, err)
	}
	// A clock that was put back a year must not keep uses from counting for a year.
	now.advance(-365 * 24 * time.Hour)
	s.hot.remove(d)
	hit(t, s, d)
	if err := s.flushTouched(); err != nil {
		t.Fatal(err)
	}
	s.hot.remove(d)
	if o, err := s.lookup(d); err != nil || o.Uses != 2 {
		t.Errorf("%d uses, %v; expected 2", o.Uses, err)
	}
}

// TestSupersededGoesFirst: what nothing current names goes before all else, however
// often it is used, unless it comes back.
func TestSupersededGoesFirst(t *testing.T) {
	now := newClock()
	s := open(t, Options{MaxSize: 6<<20 + 1000, Now: now.now})
	var ds []digest.Digest
	for i := range 4 {
		ds = append(ds, fill(t, s, 1<<20+i))
	}
	entry := newFake(t, 1<<20+10)
	readAll(t, get(t, s, entry.want("name")), entry.data)
	settled(t, s)
	ds = append(ds, digest.Of(entry.data))
	all := func(_ Tx, add func(digest.Digest)) error {
		for _, d := range ds {
			add(d)
		}
		return nil
	}
	second := func(_ Tx, add func(digest.Digest)) error { add(ds[2]); return nil }
	if n, err := s.Supersede([]Naming{all}, []Naming{second}); n != 3 || err != nil {
		t.Fatalf("%d marked, %v; expected 3", n, err)
	}
	if n, err := s.Revive(func(_ Tx, add func(digest.Digest)) error { add(ds[3]); return nil }); n != 1 || err != nil {
		t.Fatalf("%d revived, %v; expected 1", n, err)
	}
	now.advance(2 * worth.Grain)
	hit(t, s, ds[0])
	hit(t, s, ds[1])
	fill(t, s, 1<<20+20)
	for i := range 2 {
		fill(t, s, 1<<20+21+i)
	}
	holds(t, s, ds, false, false, true, true, true)
}

// TestEntryMovesOn: what an entry led to, and nothing else leads to, is superseded.
func TestEntryMovesOn(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	readAll(t, get(t, s, src.want("name")), src.data)
	settled(t, s)
	old := digest.Of(src.data)
	e, _ := s.Entry("name")
	src.data = newFake(t, 1001).data
	src.meta.ETag = `"v2"`
	w := src.want("name")
	w.Seen = e
	readAll(t, get(t, s, w), src.data)
	settled(t, s)
	for d, want := range map[digest.Digest]bool{old: true, digest.Of(src.data): false} {
		if rec := recordIn(t, s, d); rec.Superseded != want {
			t.Errorf("%s: superseded is %v", d, rec.Superseded)
		}
	}
	if err := s.Name("other", Entry{Digest: old}); err != nil {
		t.Fatal(err)
	}
	if recordIn(t, s, old).Superseded {
		t.Error("it has a name again and is superseded")
	}
}

// recordIn is the record as meta.db has it.
func recordIn(t *testing.T, s *Store, d digest.Digest) (rec record) {
	t.Helper()
	s.db.View(func(tx *bolt.Tx) error {
		if !getJSON(tx.Bucket(bucketObjects), rawKey(d), &rec) {
			t.Errorf("no record of %s", d)
		}
		return nil
	})
	return rec
}

// TestCrashInEviction: a kill between the rename and the transaction loses nothing,
// one after the transaction leaves nothing.
func TestCrashInEviction(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before, after := fill(t, s, 100_000), fill(t, s, 100_001)
	if err := os.Rename(s.blobPath(before), s.trashPath(before)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.blobPath(after))
	if err != nil {
		t.Fatal(err)
	}
	s.markEvicting(after)
	if _, err := s.remove([]digest.Digest{after}, OverSize); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.trashPath(after), data, 0o440); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.wg.Wait()
	if err := s.db.Close(); err != nil { // nothing more is written, as after a kill
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	holds(t, s, []digest.Digest{before, after}, true, false)
	if _, err := os.Stat(s.trashPath(after)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left in trash: %v", err)
	}
}

// TestEarlierFormat: a store whose objects stood in order of their use, and that
// nobody paid for, is taken over.
func TestEarlierFormat(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	d := fill(t, s, 1<<20)
	if err := s.Pin("x", fill(t, s, 1<<20+1)); err != nil {
		t.Fatal(err)
	}
	rec := recordIn(t, s, d)
	err = s.db.Update(func(tx *bolt.Tx) error {
		old := record{Size: rec.Size, Accessed: rec.Accessed, Meta: rec.Meta}
		access, err := tx.CreateBucket([]byte("access"))
		return errors.Join(err,
			putJSON(tx.Bucket(bucketObjects), rawKey(d), old),
			access.Put([]byte("0123456789"), nil),
			tx.DeleteBucket(bucketOrder), tx.DeleteBucket(bucketAccounts),
			tx.Bucket(bucketStats).Put(keyFormat, []byte{0, 0, 0, 0, 0, 0, 0, 1}))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, MaxSize: 2<<20 + 10})
	if a := s.Stats().Accounts[""]; a.Objects != 2 || a.Pinned.Objects != 1 {
		t.Errorf("%+v", a)
	}
	fill(t, s, 1<<20+2)
	if s.Has(d) {
		t.Error("an object of the earlier format is not evicted")
	}
}
