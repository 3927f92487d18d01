package mirror

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/faulty"
	"mirrord/internal/repo"
)

const (
	packages    = suite + "/main/binary-amd64/Packages"
	translation = suite + "/main/i18n/Translation-en"
)

// translated adds an index that is in no other form, and another in each archive.
func translated(a *archive) *archive {
	a.files[translation] = "Package: hello\nDescription-en: of " + a.files[packages]
	return a
}

// TestListedAndNeverThere: an index that archives list and do not keep, in no form. That
// a client asked for it holds no update back, and costs upstream one question in a while.
func TestListedAndNeverThere(t *testing.T) {
	h := newHouse(t, 1)
	old, young := translated(newArchive("1", "hello")).seal(monday), translated(newArchive("22", "hello")).seal(tuesday)
	old.publish(h.ups[0])
	h.ups[0].Remove("/" + translation)
	h.update(nil, old)
	h.asked()
	for range 3 {
		if _, err := h.open(nil, translation); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%v, expected ErrIncomplete", err)
		}
	}
	got := h.asked()
	if n := len(slices.DeleteFunc(got, func(s string) bool { return !strings.HasPrefix(s, translation) })); n != 1 {
		t.Errorf("upstream was asked %d times for what it has not, expected once", n)
	}
	young.publish(h.ups[0])
	h.ups[0].Remove("/" + translation)
	h.advance(2 * time.Minute)
	h.update(nil, young)
}

// TestVanishedIndex: an index that clients used, that upstream lists still and has
// no more, holds an update back for a while and not for ever.
func TestVanishedIndex(t *testing.T) {
	h := newHouse(t, 1)
	old, young := translated(newArchive("1", "hello")).seal(monday), translated(newArchive("22", "hello")).seal(tuesday)
	old.publish(h.ups[0])
	h.update(nil, old)
	h.wants(nil, translation, old.files[translation])
	young.publish(h.ups[0])
	h.ups[0].Remove("/" + translation)
	h.advance(2 * time.Minute)
	h.wants(nil, release, old.files[release])
	h.advance(vanishedFor)
	h.wants(nil, release, young.files[release])
	h.wants(nil, packagesGz, young.files[packagesGz])
}

// TestTableThatCannotBeMade: an index that cannot be had for its table is not
// asked for at each question for a package.
func TestTableThatCannotBeMade(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	index := suite + "/main/binary-amd64/Packages.diff/Index"
	a.files[index] = "SHA256-Download:\n"
	a.seal(monday).publish(h.ups[0])
	h.ups[0].Remove("/" + packages)
	h.ups[0].Remove("/" + packagesGz)
	h.wants(nil, release, a.files[release])
	h.wants(nil, index, a.files[index])
	for i := range 5 {
		if _, err := h.open(nil, fmt.Sprintf("pool/main/n/none_%d_all.deb", i)); !absent(err) {
			t.Fatalf("%v, expected 404", err)
		}
	}
	if n := h.ups[0].Count("/" + packagesGz); n > 2 { // once for the root's sample
		t.Errorf("upstream was asked %d times for an index that it has not", n)
	}
}

// countingAdapter counts how often an index is read.
type countingAdapter struct {
	Adapter
	reads atomic.Int32
}

func (c *countingAdapter) Read(path string, r io.Reader, emit func(repo.Ref) error) error {
	c.reads.Add(1)
	return c.Adapter.Read(path, r, emit)
}

// TestUnreadableIndexIsReadOnce: unpacking it again at each question would end no
// better, and is much work.
func TestUnreadableIndexIsReadOnce(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	a.files[packagesGz] = "no gzip"
	a.seal(monday).publish(h.ups[0])
	r := h.m.repos["deb"]
	counting := &countingAdapter{Adapter: r.Adapter}
	r.Adapter = counting
	h.update(nil, a)
	for i := range 5 {
		if _, err := h.open(nil, fmt.Sprintf("pool/main/n/none_%d_all.deb", i)); !absent(err) {
			t.Fatalf("%v, expected 404", err)
		}
	}
	if n := counting.reads.Load(); n > 2 { // one ahead of the first question, at most
		t.Errorf("it was read %d times", n)
	}
}

// TestUnknownRootsCostNoMemory: asking for roots that are not there does not make
// mirrord forget what paths resolved to.
func TestUnknownRootsCostNoMemory(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.update(nil, a)
	p, data := a.deb("hello", "1")
	h.wants(nil, p, data)
	for i := range 3 {
		if _, err := h.open(nil, fmt.Sprintf("dists/none%d/InRelease", i)); !absent(err) {
			t.Fatalf("%v, expected 404", err)
		}
	}
	if _, ok := h.m.repos["deb"].tables.remembered(p, nil); !ok {
		t.Error("forgotten")
	}
}

// TestNonsenseDoesNotHurryRefreshes: after a failure there is a pause, whatever
// clients ask for.
func TestNonsenseDoesNotHurryRefreshes(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.update(nil, a)
	h.ups[0].Fail("/"+release, faulty.Status(403).Always())
	h.advance(2 * time.Minute)
	h.wants(nil, release, a.files[release])
	before := h.ups[0].Count("/" + release)
	for i := range 3 {
		h.open(nil, fmt.Sprintf("%s/main/by-hash/SHA256/%064x", suite, i))
		h.wants(nil, release, a.files[release])
	}
	if n := h.ups[0].Count("/"+release) - before; n != 0 {
		t.Errorf("the root was asked for %d times in the pause", n)
	}
}

// TestStatesAreWrittenInOrder: what meta.db has at the end is the last state,
// whoever wrote beside whom.
func TestStatesAreWrittenInOrder(t *testing.T) {
	h := newHouse(t, 1)
	r := h.m.repos["deb"]
	for round := range 10 {
		rt := r.root(fmt.Sprintf("dists/r%d", round))
		gen := func(i int) *generation {
			return &generation{ID: digest.Of(fmt.Appendf(nil, "%d %d", round, i)), Members: map[string]member{}}
		}
		if err := rt.record(gen(0), repo.Listing{}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { rt.use(fmt.Sprint(i)) })
		}
		wg.Go(func() {
			if err := rt.record(gen(1), repo.Listing{}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
	again := &Mirror{store: h.store, repos: map[string]*repository{"deb": {m: h.m, roots: map[string]*root{}}}}
	if err := again.load(); err != nil {
		t.Fatal(err)
	}
	for dir, rt := range again.repos["deb"].roots {
		want := r.root(dir)
		if rt.gens[0].ID != want.gens[0].ID || len(rt.used) != len(want.used) {
			t.Errorf("%s: %s with %d paths is written, expected %s with %d", dir, rt.gens[0].ID, len(rt.used), want.gens[0].ID, len(want.used))
		}
	}
}

// TestResetWhileLookingUp: what was found before a new generation is not
// remembered after it.
func TestResetWhileLookingUp(t *testing.T) {
	h := newHouse(t, 1)
	tb := &h.m.repos["deb"].tables
	turn := tb.now()
	tb.reset()
	tb.remember(foundKey{path: "pool/a.deb"}, repo.Ref{Path: "pool/a.deb"}, turn)
	if _, ok := tb.remembered("pool/a.deb", nil); ok {
		t.Error("an old answer is remembered")
	}
	tb.remember(foundKey{path: "pool/a.deb"}, repo.Ref{Path: "pool/a.deb"}, tb.now())
	if _, ok := tb.remembered("pool/a.deb", nil); !ok {
		t.Error("a new answer is not remembered")
	}
}

// TestUnusedPathsGo: what nobody asked for in a month is forgotten.
func TestUnusedPathsGo(t *testing.T) {
	h := newHouse(t, 1)
	rt := h.m.repos["deb"].root(suite)
	for i := range 100 {
		rt.use(fmt.Sprint(i))
	}
	h.advance(usedKept)
	rt.use("today")
	if len(rt.used) != 1 {
		t.Errorf("%d paths are kept, expected 1", len(rt.used))
	}
}

// TestEvictedWhileConfirmed: a file that upstream confirms and that was evicted
// meanwhile is fetched.
func TestEvictedWhileConfirmed(t *testing.T) {
	h := newHouse(t, 1)
	h.stop()
	var err error
	if h.store, err = cache.Open(cache.Options{Dir: h.dir, Now: h.now, MaxSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	h.m.store = h.store
	get := func(p string) string {
		t.Helper()
		a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: p})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		data, err := io.ReadAll(a)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	h.ups[0].Set("/f", []byte("small"))
	get("f")
	for h.store.Stats().Flights > 0 {
		time.Sleep(time.Millisecond)
	}
	h.advance(2 * time.Minute)
	h.ups[0].Fail("/f", faulty.Hang())
	go func() {
		for h.ups[0].Count("/f") < 2 {
			time.Sleep(time.Millisecond)
		}
		h.store.Put("deb", make([]byte, 1<<20-1), cache.Meta{}) // takes all the room
		h.ups[0].Release()
	}()
	if got := get("f"); got != "small" {
		t.Errorf("%q", got)
	}
}
