package mirror

import (
	"errors"
	"io"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// file asks for /f of the repository of plain files.
func (h *house) file(p string) (string, *Answer, error) {
	a, err := h.m.Open(h.t.Context(), Request{Repo: "files", Path: p})
	if err != nil {
		return "", nil, err
	}
	defer a.Close()
	data, err := io.ReadAll(a)
	return string(data), a, err
}

// Offline, what was fetched before is served at once and labelled, and nobody is
// asked; the rest is refused in one way.
func TestOffline(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello", "world").seal(monday)
	a.publish(h.ups[0])
	h.ups[0].Set("/f", []byte("file"))
	h.update(nil, a)
	p, data := a.deb("hello", "1")
	h.wants(nil, p, data)
	if _, _, err := h.file("f"); err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.ups[0].Forget()
	h.offline = true
	h.start()
	h.advance(2 * time.Minute)
	const stale = `mirrord; fwd=stale; detail="offline"`
	start := time.Now()
	for range 2 {
		if ans := h.wants(nil, release, a.files[release]); ans.CacheStatus() != stale {
			t.Errorf("root: %s", ans.CacheStatus())
		}
		if ans := h.wants(nil, packagesGz, a.files[packagesGz]); ans.CacheStatus() != "mirrord; hit" {
			t.Errorf("index: %s", ans.CacheStatus())
		}
		if ans := h.wants(nil, p, data); ans.CacheStatus() != "mirrord; hit" {
			t.Errorf("package: %s", ans.CacheStatus())
		}
		if got, ans, err := h.file("f"); err != nil || got != "file" || ans.CacheStatus() != stale {
			t.Errorf("file: %q, %v, %v", got, ans, err)
		}
		world, _ := a.deb("world", "1")
		if _, err := h.open(nil, world); !errors.Is(err, upstream.ErrOffline) {
			t.Errorf("a package that is not stored: %v", err)
		}
		if _, err := h.open(nil, "dists/other/InRelease"); !errors.Is(err, upstream.ErrOffline) {
			t.Errorf("a root that is not known: %v", err)
		}
		if _, _, err := h.file("g"); !errors.Is(err, upstream.ErrOffline) {
			t.Errorf("a file that is not stored: %v", err)
		}
		h.advance(time.Hour)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if asked := h.asked(); len(asked) != 0 {
		t.Errorf("upstream was asked for %v", asked)
	}
}

// An index of a directory without a Release is served too, though after a restart
// nobody remembers that there is no Release.
func TestLooseIndexAfterRestart(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello")
	const index = "flat/Packages"
	h.ups[0].Set("/"+index, []byte(a.files[suite+"/main/binary-amd64/Packages"]))
	p, data := a.deb("hello", "1")
	h.ups[0].Set("/"+p, []byte(data))
	before, _ := h.read(nil, index)
	h.stop()
	h.offline = true
	h.start()
	h.advance(2 * time.Minute)
	if ans := h.wants(nil, index, before); ans.Stale != "offline" {
		t.Errorf("%s", ans.CacheStatus())
	}
}

// After a restart nothing is known of an upstream that hangs: the first client waits
// as long as freshness.md says, the others do not.
func TestRestartWhileUpstreamHangs(t *testing.T) {
	h := newHouse(t, 2)
	a := newArchive("1", "hello").seal(monday)
	for _, u := range h.ups {
		a.publish(u)
		u.Set("/f", []byte("file"))
	}
	h.update(nil, a)
	if _, _, err := h.file("f"); err != nil {
		t.Fatal(err)
	}
	h.stop()
	for _, u := range h.ups {
		u.Fail(faulty.All, faulty.Hang().Always())
		defer u.Release()
	}
	h.start()
	h.advance(2 * time.Minute)
	for i, limit := range []time.Duration{patience + time.Second, 500 * time.Millisecond, 500 * time.Millisecond} {
		start := time.Now()
		ans := h.wants(nil, release, a.files[release])
		if took := time.Since(start); took > limit || ans.Stale == "" {
			t.Errorf("root, time %d: took %v, %q", i, took, ans.CacheStatus())
		}
		start = time.Now()
		if _, ans, err := h.file("f"); err != nil || time.Since(start) > limit || ans.Stale == "" {
			t.Errorf("file, time %d: took %v, %v, %v", i, time.Since(start), ans, err)
		}
	}
}
