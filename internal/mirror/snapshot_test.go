package mirror

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// collectAll takes also what was used a moment ago.
var collectAll = cache.Collection{}

// at asks for a path of a repository as it was.
func (h *house) at(repo, path string) (string, error) {
	a, err := h.m.Open(h.t.Context(), Request{Repo: repo, Path: path})
	if err != nil {
		return "", err
	}
	defer a.Close()
	if a.Stale != "" || a.Validated {
		h.t.Errorf("%s/%s is called %s, expected nothing stale", repo, path, a.CacheStatus())
	}
	data, err := io.ReadAll(a)
	return string(data), err
}

func (h *house) wantsAt(repo, path, want string) {
	h.t.Helper()
	if got, err := h.at(repo, path); err != nil || got != want {
		h.t.Errorf("%s/%s is %.60q, %v, expected %.60q", repo, path, got, err, want)
	}
}

func (h *house) lacksAt(repo, path string, want error) {
	h.t.Helper()
	if got, err := h.at(repo, path); !errors.Is(err, want) {
		h.t.Errorf("%s/%s is %.60q, %v, expected %v", repo, path, got, err, want)
	}
}

// replace has upstream go on to another state, which lacks the files of the one before.
func (h *house) replace(old, young *archive) {
	for p := range old.files {
		h.ups[0].Remove("/" + p)
	}
	young.publish(h.ups[0])
	h.advance(time.Hour)
	h.update(new(Client), young)
}

func TestSnapshot(t *testing.T) {
	h, old := stocked(t)
	made, err := h.m.Snapshot(t.Context(), "", "before")
	if err != nil || len(made) != 3 || made[0].Repo != "deb" || made[0].Files == 0 || made[1].Files != 2 {
		t.Fatalf("Snapshot = %+v, %v, expected those of deb, files and rpm", made, err)
	}
	state := old
	for i := range keepGenerations + 2 { // out of the last ones
		young := newArchive(string(rune('2'+i)), "hello").seal(tuesday.Add(time.Duration(i) * time.Hour))
		h.replace(state, young)
		state = young
	}
	h.ups[0].Set("/a/one.iso", []byte("another"))
	h.advance(time.Hour)
	check := func() {
		t.Helper()
		h.asked()
		h.wantsAt("deb@before", release, old.files[release])
		h.wantsAt("deb@before", packagesGz, old.files[packagesGz])
		for _, name := range []string{"hello", "help", "world", "zoo"} {
			p, data := old.deb(name, "1")
			h.wantsAt("deb@before", p, data)
		}
		h.wantsAt("files@before", "a/one.iso", "a/one.iso")
		h.lacksAt("deb@before", "pool/main/hello/hello_2_amd64.deb", ErrNotListed)
		h.lacksAt("deb@before", suite+"/main/binary-arm64/Packages", ErrNotListed)
		h.lacksAt("files@before", "a/three.iso", ErrNotListed)
		h.lacksAt("deb@after", release, ErrNoSnapshot)
		h.lacksAt("deb@before", "dists/other/Release", ErrNoSnapshot)
		if got := h.asked(); len(got) != 0 {
			t.Errorf("upstream was asked for %q, expected nothing", got)
		}
	}
	check()
	h.wantsFile("a/one.iso", "another")
	h.m.Close()
	h.store.Close()
	h.start()
	check()
	if got, err := h.m.Collect(t.Context(), collectAll); err != nil {
		t.Errorf("Collect = %+v, %v", got, err)
	}
	check()
	if got, err := h.m.Purge(t.Context(), Selector{Repo: "deb"}, PurgeOptions{}); err != nil || got.Pinned == 0 {
		t.Errorf("Purge = %+v, %v, expected what is pinned to stay", got, err)
	}
	check()
	if err := h.m.DeleteSnapshot("deb", "before"); err != nil {
		t.Fatal(err)
	}
	h.lacksAt("deb@before", release, ErrNoSnapshot)
	p, data := old.deb("zoo", "1")
	if _, err := h.m.Collect(t.Context(), collectAll); err != nil || h.store.Has(digest.Of([]byte(data))) {
		t.Errorf("after the snapshot was deleted %s stays: %v", p, err)
	}
	h.wantsAt("files@before", "a/one.iso", "a/one.iso")
}

// TestSnapshotShared: two snapshots of one state pin it once, and the second keeps it.
func TestSnapshotShared(t *testing.T) {
	h, old := stocked(t)
	for _, name := range []string{"one", "two"} {
		if _, err := h.m.Snapshot(t.Context(), "deb", name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.m.Snapshot(t.Context(), "deb", "one"); !errors.Is(err, ErrSnapshotExists) {
		t.Errorf("a second one: %v, expected ErrSnapshotExists", err)
	}
	if err := h.m.DeleteSnapshot("deb", "one"); err != nil {
		t.Fatal(err)
	}
	h.replace(old, newArchive("2", "hello").seal(tuesday))
	if _, err := h.m.Purge(t.Context(), Selector{Repo: "deb"}, PurgeOptions{}); err != nil {
		t.Fatal(err)
	}
	p, data := old.deb("zoo", "1")
	h.wantsAt("deb@two", p, data)
	var names []string
	for _, s := range h.m.Snapshots() {
		names = append(names, s.Repo+"@"+s.Name)
	}
	if !slices.Equal(names, []string{"deb@two"}) {
		t.Errorf("the snapshots are %q", names)
	}
}

// TestSnapshotLater: what was not used when the snapshot was made is fetched by its
// digest, and pinned from then on.
func TestSnapshotLater(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello", "world")
	a.files[suite+"/main/binary-arm64/Packages"] = a.files[suite+"/main/binary-amd64/Packages"]
	a.seal(monday).publish(h.ups[0])
	h.wants(new(Client), release, a.files[release])
	if _, err := h.m.Snapshot(t.Context(), "deb", "now"); err != nil {
		t.Fatal(err)
	}
	h.wantsAt("deb@now", packagesGz, a.files[packagesGz])
	p, data := a.deb("world", "1")
	h.wantsAt("deb@now", p, data)
	h.m.Close() // what is pinned on the side is by then
	h.store.Close()
	h.start()
	if owners, err := h.store.PinOwners(digest.Of([]byte(data))); err != nil || len(owners) != 1 {
		t.Errorf("%s is pinned by %q, %v, expected the table that names it", p, owners, err)
	}
	if err := h.m.DeleteSnapshot("deb", "now"); err != nil {
		t.Fatal(err)
	}
	if owners, err := h.store.PinOwners(digest.Of([]byte(data))); err != nil || len(owners) != 0 {
		t.Errorf("%s is pinned by %q, %v after the snapshot was deleted", p, owners, err)
	}
}

// TestHistory: a time leads to the state that was current then.
func TestHistory(t *testing.T) {
	h := newHouse(t, 1)
	h.history = 30 * 24 * time.Hour
	h.m.Close()
	h.store.Close()
	h.start()
	begin := h.now()
	var states []*archive
	for i := range 8 {
		a := newArchive(string(rune('1'+i)), "hello").seal(monday.Add(time.Duration(i) * time.Hour))
		if i > 0 {
			h.replace(states[i-1], a)
		} else {
			a.publish(h.ups[0])
			h.update(new(Client), a)
		}
		states = append(states, a)
		h.advance(23 * time.Hour)
	}
	day := func(n int) string {
		return "deb@" + begin.Add(time.Duration(n)*24*time.Hour+12*time.Hour).UTC().Format("2006-01-02T15:04:05Z")
	}
	for n, a := range states {
		h.wantsAt(day(n), release, a.files[release])
		h.wantsAt(strings.NewReplacer("-", "", ":", "").Replace(day(n)), release, a.files[release])
	}
	h.lacksAt(day(-2), release, ErrNoSnapshot)
	h.lacksAt(day(100), release, ErrNoSnapshot)
	h.lacksAt("deb@2026-13-01", release, ErrNoSnapshot)
	if _, err := h.at(day(0), "pool/main/hello/hello_1_amd64.deb"); !absent(err) { // nobody had it then
		t.Errorf("a package that is lost: %v, expected upstream's 404", err)
	}
	h.advance(60 * 24 * time.Hour)
	last := newArchive("9", "hello").seal(tuesday.Add(100 * time.Hour))
	h.replace(states[7], last)
	h.lacksAt(day(0), release, ErrNoSnapshot)
	h.wantsAt(day(7), release, states[7].files[release])
}

func TestSnapshotRefused(t *testing.T) {
	h := newHouse(t, 1)
	for _, name := range []string{"", "A", "2026-01-01", "a/b", "a@b", "-a", strings.Repeat("a", 65)} {
		if _, err := h.m.Snapshot(t.Context(), "deb", name); !errors.Is(err, ErrSelector) {
			t.Errorf("%q: %v, expected ErrSelector", name, err)
		}
	}
	if _, err := h.m.Snapshot(t.Context(), "none", "a"); !errors.Is(err, ErrUnknownRepo) {
		t.Errorf("an unknown repository: %v", err)
	}
	if err := h.m.DeleteSnapshot("deb", "a"); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("an unknown snapshot: %v", err)
	}
	if _, err := newHub(t, nil).m.Snapshot(t.Context(), "docker.io", "a"); !errors.Is(err, ErrSelector) {
		t.Errorf("a registry: %v", err)
	}
}

// TestSnapshotLaterOfBoth: what is fetched later through two snapshots of one state
// stays while one of them does.
func TestSnapshotLaterOfBoth(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.wants(new(Client), release, a.files[release])
	for _, name := range []string{"one", "two"} {
		if _, err := h.m.Snapshot(t.Context(), "deb", name); err != nil {
			t.Fatal(err)
		}
	}
	p, data := a.deb("hello", "1")
	for _, name := range []string{"one", "two"} {
		h.wantsAt("deb@"+name, packagesGz, a.files[packagesGz])
		h.wantsAt("deb@"+name, p, data)
	}
	h.m.Close() // what is pinned on the side is by then
	h.store.Close()
	h.start()
	if err := h.m.DeleteSnapshot("deb", "one"); err != nil {
		t.Fatal(err)
	}
	if owners, err := h.store.PinOwners(digest.Of([]byte(data))); err != nil || len(owners) != 1 {
		t.Errorf("%s is pinned by %q, %v, expected the table that the second one names", p, owners, err)
	}
}

// TestSnapshotFails: one that cannot be made leaves nothing behind, of no repository.
func TestSnapshotFails(t *testing.T) {
	h, old := stocked(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if made, err := h.m.Snapshot(ctx, "", "before"); err == nil || len(made) != 0 {
		t.Fatalf("Snapshot = %+v, %v, expected it to end with its context", made, err)
	}
	p, data := old.deb("zoo", "1")
	if owners, err := h.store.PinOwners(digest.Of([]byte(data))); err != nil || len(owners) != 0 {
		t.Errorf("%s is pinned by %q, %v", p, owners, err)
	}
	if _, err := h.m.Snapshot(t.Context(), "", "before"); err != nil {
		t.Errorf("the second try: %v", err)
	}
}

// TestHistoryComesBack: a state that comes back was current before, too.
func TestHistoryComesBack(t *testing.T) {
	h := newHouse(t, 1)
	h.history = 30 * 24 * time.Hour
	h.m.Close()
	h.store.Close()
	h.start()
	a := newArchive("1", "hello").seal(monday)
	b := newArchive("2", "hello").seal(monday)
	for _, rt := range []string{release} { // neither is older than the other
		if a.files[rt] == b.files[rt] {
			t.Fatal("the states are the same")
		}
	}
	begin := h.now()
	a.publish(h.ups[0])
	h.update(new(Client), a)
	h.replace(a, b)
	h.replace(b, a)
	h.replace(a, b)
	for n, want := range []*archive{a, b, a, b} {
		h.advance(time.Hour)
		at := "deb@" + begin.Add(time.Duration(n)*time.Hour+30*time.Minute).UTC().Format("20060102T150405Z")
		h.wantsAt(at, release, want.files[release])
	}
}
