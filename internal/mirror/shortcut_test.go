package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// shortcutFunc is a Shortcut of one function, nil for none at all, and counts.
type shortcutFunc struct {
	open  func(ref repo.Ref, bases []Object) (io.ReadCloser, error)
	asked []Object
	times int
}

func (s *shortcutFunc) Open(_ context.Context, _ string, ref repo.Ref, forebears func() ([]Object, error)) (io.ReadCloser, error) {
	bases, err := forebears()
	if err != nil {
		return nil, err
	}
	if len(bases) == 0 {
		return nil, ErrNoShortcut
	}
	s.asked, s.times = bases, s.times+1
	if s.open == nil {
		return nil, ErrNoShortcut
	}
	return s.open(ref, bases)
}

// failing gives data, and then err.
func failing(data string, err error) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(data), readerFunc(func([]byte) (int, error) { return 0, err })))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var errBroken = errors.New("broken")

// withUpdate has a mirror with the old package stored, and upstream with the new one.
func withUpdate(t *testing.T, short *shortcutFunc) (h *house, path, data string) {
	h = newHouse(t, 1)
	old := newArchive("1", "alpha", "beta").seal(monday)
	old.publish(h.ups[0])
	h.m.repos["deb"].Shortcut = short
	h.update(new(Client), old)
	for _, name := range []string{"alpha", "beta"} {
		path, data := old.deb(name, "1")
		h.wants(nil, path, data)
	}
	young := newArchive("2", "alpha", "beta").seal(tuesday)
	h.replace(old, young)
	path, data = young.deb("alpha", "2")
	h.asked()
	*short = shortcutFunc{open: short.open}
	return h, path, data
}

func TestShortcut(t *testing.T) {
	short := new(shortcutFunc)
	h, path, data := withUpdate(t, short)
	short.open = func(repo.Ref, []Object) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }
	h.wants(nil, path, data)
	if got := h.asked(); len(got) != 0 {
		t.Errorf("upstream was asked for %v, expected nothing", got)
	}
	if len(short.asked) != 1 || short.asked[0].Path != "pool/main/alpha/alpha_1_amd64.deb" {
		t.Errorf("bases: %+v, expected the old alpha alone", short.asked)
	}
	h.wants(nil, path, data)
	if short.times != 1 {
		t.Errorf("taken %d times, expected once: the object is stored", short.times)
	}
}

// TestShortcutOfIndex: an index of the generation before is a base too.
func TestShortcutOfIndex(t *testing.T) {
	var bases []Object
	short := &shortcutFunc{open: func(ref repo.Ref, all []Object) (io.ReadCloser, error) {
		if ref.Path == packagesGz {
			bases = all
		}
		return nil, ErrNoShortcut
	}}
	h := newHouse(t, 1)
	h.m.repos["deb"].Shortcut = short
	old := newArchive("1", "alpha").seal(monday)
	old.publish(h.ups[0])
	h.update(new(Client), old)
	if bases != nil {
		t.Fatalf("the first index has bases: %v", bases)
	}
	h.replace(old, newArchive("2", "alpha").seal(tuesday))
	if len(bases) != 1 || bases[0].Digest != digest.Of([]byte(old.files[packagesGz])) {
		t.Fatalf("bases: %+v, expected the old index", bases)
	}
}

// TestShortcutFails: whatever a shortcut does, clients have the right bytes, and
// upstream gives no byte twice.
func TestShortcutFails(t *testing.T) {
	_, data := newArchive("2", "alpha").deb("alpha", "2")
	wrong := "x" + data[1:]
	for name, c := range map[string]struct {
		open func() (io.ReadCloser, error)
		sent int // what upstream gives
	}{
		"none":                 {func() (io.ReadCloser, error) { return nil, ErrNoShortcut }, len(data)},
		"fails at once":        {func() (io.ReadCloser, error) { return nil, errBroken }, len(data)},
		"fails midway":         {func() (io.ReadCloser, error) { return failing(data[:5000], errBroken), nil }, len(data) - 5000},
		"ends early":           {func() (io.ReadCloser, error) { return failing(data[:5000], io.EOF), nil }, len(data) - 5000},
		"gives nothing":        {func() (io.ReadCloser, error) { return failing("", io.EOF), nil }, len(data)},
		"wrong bytes":          {func() (io.ReadCloser, error) { return failing(wrong, io.EOF), nil }, len(data)},
		"wrong, and midway":    {func() (io.ReadCloser, error) { return failing(wrong[:5000], errBroken), nil }, len(data) - 5000 + len(data)}, // a gap of a small object is asked for to the end
		"too long":             {func() (io.ReadCloser, error) { return failing(data+"more", io.EOF), nil }, 0},
		"whole, then an error": {func() (io.ReadCloser, error) { return failing(data, errBroken), nil }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			short := new(shortcutFunc)
			h, path, data := withUpdate(t, short)
			short.open = func(repo.Ref, []Object) (io.ReadCloser, error) { return c.open() }
			h.wants(nil, path, data)
			sent := 0
			for _, r := range h.ups[0].Requests() {
				if r.Method == "GET" {
					sent += int(r.Bytes)
				}
			}
			if sent != c.sent {
				t.Errorf("upstream gave %d bytes, expected %d", sent, c.sent)
			}
			if short.times != 1 {
				t.Errorf("asked %d times, expected once", short.times)
			}
		})
	}
}

// TestShortcutFromTheMiddle: who wants the end of a cold object does not wait for all before it.
func TestShortcutFromTheMiddle(t *testing.T) {
	y := newYard(t, 1)
	want := y.want()
	want.Source = new(Mirror).pinned(new(shortcutFunc), "r", repo.Ref{Size: want.Size}, want.Source.(*source))
	want.From = want.Size - 1000
	c, err := y.store.Get(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Seek(want.From, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 500)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, y.large[want.From:][:500]) {
		t.Errorf("wrong bytes, %v", err)
	}
}

func TestForebears(t *testing.T) {
	h, path, _ := withUpdate(t, new(shortcutFunc))
	for name, c := range map[string]struct {
		repo, path string
		n          int
		err        error
	}{
		"a package":    {"deb", path, 1, nil},
		"no such repo": {"none", path, 0, ErrUnknownRepo},
		"no lineage":   {"files", path, 0, nil},
		"a root":       {"deb", release, 0, nil},
		"another arch": {"deb", strings.Replace(path, "amd64", "arm64", 1), 0, nil},
	} {
		got, err := h.m.Forebears(t.Context(), c.repo, repo.Ref{Path: c.path})
		if len(got) != c.n || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v, expected %d", name, got, err, c.n)
		}
	}
	if _, err := h.m.store.Purge(nil, []digest.Digest{digest.Of([]byte(strings.Repeat("alpha1\n", 2000)))}); err != nil {
		t.Fatal(err)
	}
	if got, err := h.m.Forebears(t.Context(), "deb", repo.Ref{Path: path}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v, expected no base: it was purged", got, err)
	}
}
