package mirror

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// heavyLayer is worth parts: five of 4 MiB and a rest.
func heavyLayer() string { return string(large()[:20<<20+7]) }

// ranges are what registries were asked of blobs: "206 bytes=0-99".
func ranges(registries ...*fakeRegistry) (all []string) {
	for _, f := range registries {
		for _, line := range f.asked() {
			if _, blob, ok := strings.Cut(line, "/blobs/"); ok {
				_, asked, _ := strings.Cut(blob, " ")
				all = append(all, asked)
			}
		}
	}
	return all
}

// wantsParts fails the test where not each byte of heavy was asked for once, in parts.
func wantsParts(t *testing.T, asked []string, heavy string) {
	t.Helper()
	type span struct{ first, last int64 }
	var spans []span
	for _, line := range asked {
		s := span{last: int64(len(heavy)) - 1}
		if n, _ := fmt.Sscanf(line, "206 bytes=%d-%d", &s.first, &s.last); n < 1 {
			t.Fatalf("asked %q", asked)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	next := int64(0)
	for _, s := range spans {
		if s.first != next {
			t.Fatalf("asked %q", asked)
		}
		next = s.last + 1
	}
	if next != int64(len(heavy)) || len(spans) < 3 {
		t.Errorf("asked %q", asked)
	}
}

// TestBlobsInParts: the size of a blob is known from the manifest that names it, so a
// large one comes from several mirrors, or over several connections.
func TestBlobsInParts(t *testing.T) {
	for name, c := range map[string]struct{ mirrors, connections int }{"two mirrors": {2, 1}, "connections": {1, 4}} {
		t.Run(name, func(t *testing.T) {
			all, heavy := []*fakeRegistry{}, heavyLayer()
			h := newHub(t, func(h *hub) {
				if h.connections = c.connections; c.mirrors > 1 {
					h.beside = newFakeRegistry(t)
					all = append(all, h.beside)
				}
				all = append(all, h.main)
			})
			manifest := digest.Digest("")
			for _, f := range all {
				manifest = f.image("a/b").push("1", heavy, "small")
			}
			blob := "a/b/blobs/" + string(digest.Of([]byte(heavy)))
			h.gets(nobody, "a/b/manifests/1", h.main.image("a/b").blobs[manifest])
			h.gets(nobody, blob, heavy)
			asked := ranges(h.main)
			if c.mirrors > 1 {
				more := ranges(h.beside)
				if len(asked) == 0 || len(more) == 0 {
					t.Errorf("one was asked %q, the other %q", asked, more)
				}
				asked = append(asked, more...)
			}
			wantsParts(t, asked, heavy)
			// What is small comes as a whole, and what is stored is not asked for.
			h.gets(nobody, "a/b/blobs/"+string(digest.Of([]byte("small"))), "small")
			h.gets(nobody, blob, heavy)
			if got := ranges(all...); !slices.Equal(got, []string{"200"}) {
				t.Errorf("asked %q", got)
			}
		})
	}
}

// TestBlobsOfAStoredManifest: a manifest that was stored before the start tells the
// same; what none names comes in one piece.
func TestBlobsOfAStoredManifest(t *testing.T) {
	h, heavy := newHub(t, func(h *hub) { h.connections = 2 }), heavyLayer()
	im := h.main.image("a/b")
	manifest := im.push("1", heavy)
	other := heavy[1:]
	im.add(other)
	h.gets(nobody, "a/b/manifests/1", im.blobs[manifest])
	h.stop()
	h.start()
	h.gets(nobody, "a/b/manifests/"+string(manifest), im.blobs[manifest])
	h.gets(nobody, "a/b/blobs/"+string(digest.Of([]byte(heavy))), heavy)
	wantsParts(t, ranges(h.main), heavy)
	h.gets(nobody, "a/b/blobs/"+string(digest.Of([]byte(other))), other)
	if got := ranges(h.main); !slices.Equal(got, []string{"200"}) {
		t.Errorf("asked %q", got)
	}
}

// TestAManifestWithAWrongSize: the digest is what counts. What manifests disagree
// about is asked for as if none had named it.
func TestAManifestWithAWrongSize(t *testing.T) {
	h, heavy := newHub(t, func(h *hub) { h.connections = 2 }), heavyLayer()
	im := h.main.image("a/b")
	manifest := func(tag string, size int) {
		t.Helper()
		layer := fmt.Sprintf(`{"mediaType":"application/octet-stream","digest":%q,"size":%d}`, digest.Of([]byte(heavy)), size)
		d := im.add(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`, oci.TypeManifest, layer, layer))
		im.tags[tag], im.kinds[d] = d, oci.TypeManifest
		h.gets(nobody, "a/b/manifests/"+tag, im.blobs[d])
	}
	d := im.add(heavy)
	manifest("wrong", 17<<20)
	h.gets(nobody, "a/b/blobs/"+string(d), heavy)
	if got := ranges(h.main); len(got) < 2 || got[len(got)-1] == "" || !slices.Contains(got, "200") {
		t.Errorf("asked %q", got)
	}
	if size := h.m.registries["docker.io"].access.mentions.size("library/a/b", d); size != -1 {
		t.Errorf("%d bytes", size)
	}

	h = newHub(t, func(h *hub) { h.connections = 2 })
	im = h.main.image("a/b")
	d = im.add(heavy)
	manifest("right", len(heavy))
	manifest("wrong", 17<<20)
	manifest("right-again", len(heavy))
	h.gets(nobody, "a/b/blobs/"+string(d), heavy)
	if got := ranges(h.main); !slices.Equal(got, []string{"200"}) {
		t.Errorf("asked %q", got)
	}
}
