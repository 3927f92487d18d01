package mirror

import (
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

func (h *house) current(repo, prefix string) map[string]digest.Digest {
	h.t.Helper()
	all := make(map[string]digest.Digest)
	last := ""
	err := h.m.EachCurrent(h.t.Context(), repo, prefix, func(c Current) error {
		if c.Path <= last {
			h.t.Errorf("%s after %s", c.Path, last)
		}
		last = c.Path
		all[c.Path] = c.Digest
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// What is current is what a new client is given, as far as it is stored, and nothing of
// the generations before.
func TestEachCurrent(t *testing.T) {
	h := newHouse(t, 1)
	old := newArchive("1", "hello", "gone").seal(monday)
	young := newArchive("1", "hello", "unused")
	hello, _ := old.deb("hello", "1")
	gone, goneData := old.deb("gone", "1")
	unused, _ := young.deb("unused", "1")
	young.files[hello] = strings.Repeat("rebuilt", 3000)
	young.reindex()
	young.seal(tuesday)
	old.publish(h.ups[0])
	h.ups[0].Set("/README", []byte("read me"))
	h.update(nil, old)
	h.wants(nil, hello, old.files[hello])
	h.wants(nil, gone, goneData)
	young.publish(h.ups[0])
	h.advance(2 * time.Minute)
	h.update(nil, young)
	h.wants(nil, hello, young.files[hello])
	h.wants(nil, "README", "read me")
	want := map[string]digest.Digest{
		release: digest.Of([]byte(young.files[release])), packagesGz: digest.Of([]byte(young.files[packagesGz])),
		hello: digest.Of([]byte(young.files[hello])), "README": digest.Of([]byte("read me")),
	}
	got := h.current("deb", "")
	delete(got, strings.TrimSuffix(packagesGz, ".gz")) // a sample that was looked at
	for p, d := range want {
		if got[p] != d {
			t.Errorf("%s is %v, want %v", p, got[p], d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	got = h.current("deb", "pool/main/g")
	if got[release] == "" || got[packagesGz] == "" || got[hello] != "" || got["README"] != "" || got[gone] != "" || got[unused] != "" {
		t.Errorf("below a prefix: %v", got)
	}
}

// Images come by repository, with the manifests that clients begin with.
func TestEachImages(t *testing.T) {
	var got []CurrentImages
	h := newHouse(t, 1)
	w := imageWalk{m: h.m, fn: func(c CurrentImages) error { got = append(got, c); return nil }}
	put := func(data, mediaType string, names ...string) digest.Digest {
		t.Helper()
		d, err := h.store.Put("r", []byte(data), cache.Meta{ContentType: mediaType})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if strings.HasSuffix(n, "@") {
				n += string(d)
			}
			if err := h.store.Name("r/"+n, cache.Entry{Digest: d, Meta: cache.Meta{ContentType: mediaType}}); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	const config = `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":2}`
	child := put(`{"schemaVersion":2,"mediaType":"`+oci.TypeManifest+`",`+config+`,"layers":[]}`, oci.TypeManifest, "a@")
	index := put(`{"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`","manifests":[{"mediaType":"`+oci.TypeManifest+`","digest":"`+string(child)+`","size":1}]}`, oci.TypeIndex, "a@", "a:1", "a:2")
	lone := put(`{"schemaVersion":2,"mediaType":"`+oci.TypeManifest+`",`+config+`,"layers":[],"annotations":{}}`, oci.TypeManifest, "a@")
	blob := put("a blob", "", "a@", "a/b@")
	put(`{"tags":["1"]}`, "application/json", "a/tags/list")
	page, _, err := h.m.page(place{name: "r"}, chosen{}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range page {
		if err := w.add(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	byName := map[string]CurrentImages{got[0].Repository: got[0], got[1].Repository: got[1]}
	a, b := byName["a"], byName["a/b"]
	var tops []string
	for _, m := range a.Manifests {
		tops = append(tops, string(m.Digest)+m.Tag)
	}
	slices.Sort(tops)
	want := []string{string(index) + "1", string(index) + "2", string(lone)}
	slices.Sort(want)
	if !slices.Equal(tops, want) || len(a.Held) != 4 || !slices.Contains(a.Held, blob) {
		t.Errorf("%+v", a)
	}
	if len(b.Manifests) != 0 || !slices.Equal(b.Held, []digest.Digest{blob}) {
		t.Errorf("%+v", b)
	}
}
