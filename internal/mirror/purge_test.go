package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/digest"
)

// stocked is a house in which a client has used a suite, four packages of it and
// two generic files.
func stocked(t *testing.T) (*house, *archive) {
	h := newHouse(t, 1)
	a := newArchive("1", "hello", "help", "world", "zoo").seal(monday)
	a.publish(h.ups[0])
	c := new(Client)
	h.update(c, a)
	for _, name := range []string{"hello", "help", "world", "zoo"} {
		p, data := a.deb(name, "1")
		h.wants(c, p, data)
	}
	for _, p := range []string{"a/one.iso", "a/two.iso"} {
		h.ups[0].Set("/"+p, []byte(p))
		h.wantsFile(p, p)
	}
	h.asked()
	return h, a
}

// wantsFile fails the test where a path of "files" is not want.
func (h *house) wantsFile(p, want string) {
	h.t.Helper()
	if got, _, err := h.file(p); err != nil || got != want {
		h.t.Fatalf("%s is %.60q, %v, expected %.60q", p, got, err, want)
	}
}

func TestPurge(t *testing.T) {
	deb := func(name string) string { return "pool/main/" + name + "/" + name + "_1_amd64.deb" }
	for _, c := range []struct {
		what    Selector
		matched int
		gone    []string // of the packages
	}{
		{Selector{Repo: "deb", Path: deb("hello")}, 1, []string{"hello"}},
		{Selector{Repo: "deb", Path: "/" + deb("hello")}, 1, []string{"hello"}},
		{Selector{Repo: "deb", Prefix: "pool/main/hel"}, 2, []string{"hello", "help"}},
		{Selector{Repo: "deb", Glob: "pool/**/*o_1_*.deb"}, 2, []string{"hello", "zoo"}},
		{Selector{Repo: "deb", Glob: "pool/main/{help,zoo}/*"}, 2, []string{"help", "zoo"}},
		{Selector{Repo: "deb"}, 6, []string{"hello", "help", "world", "zoo"}},
		{Selector{Repo: "deb", Path: "pool/main/none"}, 0, nil},
		{Selector{Repo: "deb", Prefix: "q"}, 0, nil},
	} {
		t.Run(fmt.Sprintf("%+v", c.what), func(t *testing.T) {
			h, a := stocked(t)
			before := h.store.Stats()
			dry, err := h.m.Purge(t.Context(), c.what, PurgeOptions{DryRun: true})
			if err != nil || dry.Matched != c.matched || h.store.Stats().Bytes != before.Bytes {
				t.Fatalf("a dry run: %+v, %v, and the store has %+v; expected %d matched and nothing changed", dry, err, h.store.Stats(), c.matched)
			}
			got, err := h.m.Purge(t.Context(), c.what, PurgeOptions{})
			if err != nil || got != dry {
				t.Fatalf("Purge = %+v, %v, expected %+v as in the dry run", got, err, dry)
			}
			if now := h.store.Stats(); now.Objects != before.Objects-int64(c.matched) || now.Bytes != before.Bytes-got.Bytes {
				t.Errorf("the store has %d objects of %d bytes, had %d of %d", now.Objects, now.Bytes, before.Objects, before.Bytes)
			}
			var fetched []string
			for _, name := range []string{"hello", "help", "world", "zoo"} {
				p, data := a.deb(name, "1")
				h.wants(new(Client), p, data)
				if slices.ContainsFunc(h.asked(), func(s string) bool { return strings.HasPrefix(s, p) }) {
					fetched = append(fetched, name)
				}
			}
			if !slices.Equal(fetched, c.gone) {
				t.Errorf("fetched again: %q, expected %q", fetched, c.gone)
			}
		})
	}
}

// TestPurgeRoot: the next client has it fetched, also where upstream has not changed.
func TestPurgeRoot(t *testing.T) {
	h, a := stocked(t)
	if got, err := h.m.Purge(t.Context(), Selector{Repo: "deb", Prefix: "dists/"}, PurgeOptions{}); err != nil || got.Matched != 2 {
		t.Fatalf("Purge = %+v, %v, expected the Release and the Packages.gz", got, err)
	}
	h.update(new(Client), a)
	if got := h.asked(); !slices.Contains(got, release+" 200") || !slices.Contains(got, packagesGz+" 200") {
		t.Errorf("upstream was asked for %q, expected both whole", got)
	}
}

// TestPurgeFile: upstream is asked anew, without a condition.
func TestPurgeFile(t *testing.T) {
	h, _ := stocked(t)
	if got, err := h.m.Purge(t.Context(), Selector{Repo: "files", Path: "a/one.iso"}, PurgeOptions{}); err != nil || got != (Purged{Count: Count{1, 9}}) {
		t.Fatalf("Purge = %+v, %v", got, err)
	}
	h.wantsFile("a/one.iso", "a/one.iso")
	h.wantsFile("a/two.iso", "a/two.iso")
	if got := h.asked(); !slices.Equal(got, []string{"a/one.iso 200"}) {
		t.Errorf("upstream was asked for %q", got)
	}
}

func TestPurgeDigest(t *testing.T) {
	h, a := stocked(t)
	p, data := a.deb("hello", "1")
	d := digest.Of([]byte(data))
	for _, s := range []Selector{{Digest: d}, {Repo: "deb", Digest: d}} {
		if got, err := h.m.Purge(t.Context(), s, PurgeOptions{}); err != nil || got.Matched != 1 {
			t.Fatalf("Purge(%+v) = %+v, %v", s, got, err)
		}
		h.wants(new(Client), p, data)
		if got := h.asked(); len(got) != 1 {
			t.Errorf("upstream was asked for %q, expected the package", got)
		}
	}
}

// TestPurgePinned: what is pinned stays, unless it is forced.
func TestPurgePinned(t *testing.T) {
	h, a := stocked(t)
	p, data := a.deb("hello", "1")
	if n, err := h.m.Pin(t.Context(), Selector{Repo: "deb", Path: p}, "me"); err != nil || n.Matched != 1 {
		t.Fatalf("Pin = %+v, %v", n, err)
	}
	got, err := h.m.Purge(t.Context(), Selector{Repo: "deb", Prefix: "pool/"}, PurgeOptions{})
	if err != nil || got.Matched != 3 || got.Pinned != 1 || !h.store.Has(digest.Of([]byte(data))) {
		t.Fatalf("Purge = %+v, %v, expected 3 and 1 pinned, which stays", got, err)
	}
	if got, err := h.m.Purge(t.Context(), Selector{Repo: "deb", Path: p}, PurgeOptions{Force: true}); err != nil || got.Matched != 1 || h.store.Has(digest.Of([]byte(data))) {
		t.Errorf("forced: %+v, %v, expected it gone", got, err)
	}
	h.wants(new(Client), p, data)
	if n, err := h.m.Unpin(t.Context(), Selector{Repo: "deb", Path: p}, "me"); err != nil || n.Matched != 1 {
		t.Errorf("Unpin = %+v, %v", n, err)
	}
	if got, err := h.m.Purge(t.Context(), Selector{Repo: "deb", Path: p}, PurgeOptions{}); err != nil || got.Matched != 1 {
		t.Errorf("after Unpin: %+v, %v, expected it purged", got, err)
	}
}

// TestPurgeAbsence: a remembered 404 is forgotten.
func TestPurgeAbsence(t *testing.T) {
	h, _ := stocked(t)
	if _, err := h.m.Open(t.Context(), Request{Repo: "files", Path: "late"}); !absent(err) {
		t.Fatalf("Open = %v, expected upstream's 404", err)
	}
	h.ups[0].Set("/late", []byte("late"))
	if _, err := h.m.Purge(t.Context(), Selector{Repo: "files", Path: "late"}, PurgeOptions{}); err != nil {
		t.Fatal(err)
	}
	h.wantsFile("late", "late")
}

func TestSelectorRefused(t *testing.T) {
	h := newHouse(t, 1)
	for _, s := range []Selector{
		{}, {Path: "a"}, {Repo: "deb", Path: "a", Prefix: "b"}, {Repo: "deb", Digest: "md5"}, {Repo: "deb", Glob: "[a"},
		{Repo: "deb", Path: "../a"}, {Repo: "deb", Path: "a/"}, {Repo: "deb", Tag: "a:b"},
	} {
		if _, err := h.m.Purge(t.Context(), s, PurgeOptions{}); !errors.Is(err, ErrSelector) {
			t.Errorf("%+v: %v, expected ErrSelector", s, err)
		}
	}
	if _, err := h.m.Purge(t.Context(), Selector{Repo: "none"}, PurgeOptions{}); !errors.Is(err, ErrUnknownRepo) {
		t.Errorf("an unknown repository: %v", err)
	}
}

func TestObjects(t *testing.T) {
	h, _ := stocked(t)
	var paths []string
	for after, n := "", 0; n < 20; n++ {
		list, next, err := h.m.Objects(t.Context(), Selector{Repo: "deb"}, after, 2)
		if err != nil || len(list) > 2 {
			t.Fatalf("Objects = %d, %v", len(list), err)
		}
		for _, o := range list {
			paths = append(paths, o.Class+" "+o.Path)
		}
		if after = next; next == "" {
			break
		}
	}
	want := []string{
		"root " + release, "index " + packagesGz, "package pool/main/hello/hello_1_amd64.deb", "package pool/main/help/help_1_amd64.deb",
		"package pool/main/world/world_1_amd64.deb", "package pool/main/zoo/zoo_1_amd64.deb",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("the objects are\n%q, expected\n%q", paths, want)
	}
	list, _, err := h.m.Objects(t.Context(), Selector{Digest: digest.Of([]byte("a/two.iso"))}, "", 10)
	if err != nil || len(list) != 1 || list[0].Repo != "files" || list[0].Path != "a/two.iso" || list[0].Size != 9 || list[0].Accessed.IsZero() {
		t.Errorf("by digest: %+v, %v, expected a/two.iso of files", list, err)
	}
}
