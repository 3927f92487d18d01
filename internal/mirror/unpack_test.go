package mirror

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPlainIndexIsUnpacked: archives list the plain Packages and keep only the compressed
// ones. Who asks for it gets it, upstream is asked once for it, and updates go on.
func TestPlainIndexIsUnpacked(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newArchive("1", many()...).seal(monday), newArchive("22", many()...).seal(tuesday)
	old.publish(h.ups[0])
	h.ups[0].Remove("/" + packages)
	h.wants(nil, release, old.files[release])
	if got := h.asked(); !slices.Contains(got, packagesGz+" 200") {
		t.Errorf("upstream was asked for %q, expected a sample with Packages.gz", got)
	}
	for range 3 {
		h.wants(nil, packages, old.files[packages])
	}
	want := []string{packages + " 404"}
	if got := h.asked(); !slices.Equal(got, want) {
		t.Errorf("upstream was asked for %q, expected %q", got, want)
	}
	young.publish(h.ups[0])
	h.ups[0].Remove("/" + packages)
	h.advance(2 * time.Minute)
	h.wants(nil, release, young.files[release])
	if got := h.asked(); !slices.Contains(got, packagesGz+" 200") {
		t.Errorf("upstream was asked for %q: the index that clients used was not ready with the root", got)
	}
	h.wants(nil, packages, young.files[packages])
	if got := h.asked(); len(got) > 0 {
		t.Errorf("upstream was asked for %q, expected nothing", got)
	}
}

// TestUnpackedIsChecked: a compressed form that holds something else than the plain one
// makes none, and the client learns that there is none.
func TestUnpackedIsChecked(t *testing.T) {
	for what, text := range map[string]string{
		"other bytes": zip(strings.Repeat("x", 5000)), "no archive": "x", "a bomb": zip(strings.Repeat("x", 5<<20)), "an end too early": zip(strings.Repeat("x", 5000))[:20],
	} {
		h := newHouse(t, 1)
		a := newArchive("1", many()...)
		a.files[packagesGz] = text
		a.seal(monday).publish(h.ups[0])
		h.ups[0].Remove("/" + packages)
		h.wants(nil, release, a.files[release])
		if _, err := h.open(nil, packages); !errors.Is(err, ErrIncomplete) {
			t.Errorf("%s: %v, expected ErrIncomplete", what, err)
		}
		if h.store.Has(digestOf(a.files[packages])) || len(h.m.repos["deb"].tables.slots) > 0 {
			t.Errorf("%s: something is left of it", what)
		}
	}
}
