package mirror

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestUpstreamGone(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello", "world").seal(monday)
	a.publish(h.ups[0])
	c := new(Client)
	h.update(c, a)
	p, data := a.deb("hello", "1")
	h.wants(c, p, data)
	h.ups[0].Down()
	for range 2 { // the second time after a restart
		h.advance(2 * time.Minute)
		ans := h.wants(c, release, a.files[release])
		if !strings.Contains(ans.CacheStatus(), "fwd=stale") {
			t.Errorf("not labelled: %s", ans.CacheStatus())
		}
		h.wants(c, packagesGz, a.files[packagesGz])
		h.wants(c, p, data)
		world, _ := a.deb("world", "1")
		if _, err := h.open(c, world); !errors.Is(err, upstream.ErrUnavailable) {
			t.Errorf("%v, expected ErrUnavailable", err)
		}
		h.stop()
		h.start()
	}
}

func TestUpstreamHangs(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.ups[0].Set("/f", []byte("file"))
	h.update(nil, a)
	file := func() (*Answer, error) { return h.m.Open(t.Context(), Request{Repo: "files", Path: "f"}) }
	f, err := file()
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(f)
	f.Close()
	h.ups[0].Fail(faulty.All, faulty.Hang().Always())
	defer h.ups[0].Release()
	h.advance(2 * time.Minute)
	for i, limit := range []time.Duration{patience + time.Second, 500 * time.Millisecond, 500 * time.Millisecond} {
		start := time.Now()
		ans := h.wants(nil, release, a.files[release])
		if took := time.Since(start); took > limit || ans.Stale == "" {
			t.Errorf("root, time %d: took %v, %q", i, took, ans.CacheStatus())
		}
	}
	for i, limit := range []time.Duration{patience + time.Second, 500 * time.Millisecond} {
		start := time.Now()
		f, err := file()
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		if took := time.Since(start); took > limit || f.Stale == "" {
			t.Errorf("file, time %d: took %v, %q", i, took, f.CacheStatus())
		}
	}
}

func TestFree(t *testing.T) {
	h := newHouse(t, 1)
	get := func() (string, *Answer, error) {
		a, err := h.m.Open(t.Context(), Request{Repo: "files", Path: "f"})
		if err != nil {
			return "", nil, err
		}
		defer a.Close()
		data, err := io.ReadAll(a)
		return string(data), a, err
	}
	wants := func(want, status string) {
		t.Helper()
		got, a, err := get()
		if err != nil || got != want || a.CacheStatus() != status {
			t.Fatalf("%q, %v, %+v; expected %q, %q", got, err, a, want, status)
		}
	}
	if _, _, err := get(); !absent(err) {
		t.Fatalf("%v, expected 404", err)
	}
	h.advance(time.Minute)
	h.ups[0].Set("/f", []byte("one"))
	wants("one", "mirrord; fwd=miss; stored")
	wants("one", "mirrord; hit")
	h.advance(2 * time.Minute)
	wants("one", "mirrord; fwd=stale; fwd-status=304")
	wants("one", "mirrord; hit")
	h.ups[0].Set("/f", []byte("two"))
	h.advance(2 * time.Minute)
	wants("two", "mirrord; fwd=miss; stored")
	h.ups[0].Down()
	h.advance(2 * time.Minute)
	wants("two", `mirrord; fwd=stale; detail="upstream failed"`)
}

func TestHeadFetchesNothing(t *testing.T) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello").seal(monday)
	a.publish(h.ups[0])
	h.update(nil, a)
	p, data := a.deb("hello", "1")
	h.asked()
	for repo, path := range map[string]string{"deb": p, "files": p} {
		ans, err := h.m.Open(t.Context(), Request{Repo: repo, Path: path, Head: true})
		if err != nil || ans.Size != int64(len(data)) {
			t.Fatalf("%s: %v, %+v", repo, err, ans)
		}
		ans.Close()
	}
	if got := h.asked(); len(got) > 0 {
		t.Errorf("upstream was asked for %q", got)
	}
}
