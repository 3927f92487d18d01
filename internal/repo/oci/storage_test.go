package oci

import (
	"slices"
	"strings"
	"testing"

	"mirrord/internal/digest"
)

const (
	sumA = "09ade42fe3e69018a3360bb092265af902f9e7d6013146cf152c82ac3a944707"
	sumB = "c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f"
)

func TestParseKept(t *testing.T) {
	for p, want := range map[string]Kept{ // as docker-registry 2.8 wrote them
		"team/app/_layers/sha256/" + sumB + "/link":                                {Repository: "team/app", Kind: KindBlob, Digest: digest.Digest("sha256:" + sumB)},
		"library/alpine/_manifests/revisions/sha256/" + sumA + "/link":             {Repository: "library/alpine", Kind: KindManifest, Digest: digest.Digest("sha256:" + sumA)},
		"app/_manifests/tags/v1.0-rc_1/current/link":                               {Repository: "app", Kind: KindTags, Tag: "v1.0-rc_1"},
		"app/_manifests/tags/v1/index/sha256/" + sumA + "/link":                    {},
		"app/_uploads/2e6d/data":                                                   {},
		"app/_layers/sha256/" + sumB + "/data":                                     {},
		"app/_layers/sha256/" + strings.ToUpper(sumB) + "/link":                    {},
		"app/_layers/sha256/xyz/link":                                              {},
		"app/_layers/md5/d41d8cd98f00b204e9800998ecf8427e/link":                    {},
		"App/_layers/sha256/" + sumB + "/link":                                     {},
		"../app/_layers/sha256/" + sumB + "/link":                                  {},
		"app/_manifests/tags/../current/link":                                      {},
		"app/_manifests/tags/" + strings.Repeat("a", 129) + "/current/link":        {},
		"_layers/sha256/" + sumB + "/link":                                         {},
		"a//b/_layers/sha256/" + sumB + "/link":                                    {},
		"app/_layers/sha256/" + sumB + "/link/" + "_layers/sha256/" + sumB + "/x/": {},
	} {
		k, ok := ParseKept(p)
		if ok != (want != Kept{}) || ok && k != want {
			t.Errorf("%s: %+v, %v", p, k, ok)
		}
	}
	for text, want := range map[string]digest.Digest{
		"sha256:" + sumA:                       digest.Digest("sha256:" + sumA),
		"sha256:" + sumA + "\n":                digest.Digest("sha256:" + sumA),
		"":                                     "",
		sumA:                                   "",
		"sha256:" + sumA + " x":                "",
		"md5:d41d8cd98f00b204e9800998ecf8427e": "",
		"sha256:" + sumA + strings.Repeat(" ", 300): "",
	} {
		if d, err := ParseLink([]byte(text)); d != want || (err == nil) != (want != "") {
			t.Errorf("%.90q: %v, %v", text, d, err)
		}
	}
	if p := StoredBlob(digest.Digest("sha256:" + sumA)); p != "docker/registry/v2/blobs/sha256/09/"+sumA+"/data" {
		t.Error(p)
	}
}

func FuzzParseKept(f *testing.F) {
	f.Add("team/app/_layers/sha256/"+sumB+"/link", []byte("sha256:"+sumA))
	f.Add("app/_manifests/tags/v1/current/link", []byte("sha256:"+sumA+"\n"))
	f.Fuzz(func(t *testing.T, p string, link []byte) {
		if k, ok := ParseKept(p); ok {
			if !isName(k.Repository) || (k.Kind == KindTags) != isTag(k.Tag) || (k.Kind != KindTags) != k.Digest.Strong() {
				t.Errorf("%q: %+v", p, k)
			}
			if !strings.HasPrefix(p, k.Repository+"/_") {
				t.Errorf("%q is of %q", p, k.Repository)
			}
		}
		if d, err := ParseLink(link); err == nil && !d.Strong() {
			t.Errorf("%q: %v", link, d)
		}
	})
}

func TestLayout(t *testing.T) {
	list := []Tagged{
		{MediaType: TypeIndex, Digest: digest.Digest("sha256:" + sumA), Size: 247, Tag: "v1"},
		{MediaType: TypeDockerManifest, Digest: digest.Digest("sha256:" + sumB), Size: 3},
	}
	text, err := WriteLayout(list)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseLayout(text); err != nil || !slices.Equal(got, list) {
		t.Errorf("%+v, %v", got, err)
	}
	if m, err := ParseManifest(text, ""); err != nil || !m.Index {
		t.Errorf("as an index: %+v, %v", m, err)
	}
	// as skopeo writes it, and with names of other tools
	text = []byte(`{"schemaVersion":2,"manifests":[{"mediaType":"` + TypeManifest + `","digest":"sha256:` + sumA + `","size":247,"annotations":{"org.opencontainers.image.ref.name":"docker.io/library/x:v1"}}]}`)
	if got, err := ParseLayout(text); err != nil || len(got) != 1 || got[0].Tag != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "[]", "{", `{"manifests":[{"digest":"sha256:x","size":1}]}`, `{"manifests":[{"digest":"sha256:` + sumA + `"}]}`, `{"manifests":{}}`} {
		if got, err := ParseLayout([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func FuzzParseLayout(f *testing.F) {
	text, _ := WriteLayout([]Tagged{{MediaType: TypeIndex, Digest: digest.Digest("sha256:" + sumA), Size: 247, Tag: "v1"}})
	f.Add(text)
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseLayout(data)
		if err != nil {
			return
		}
		again, err := WriteLayout(list)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseLayout(again); err != nil || !slices.Equal(got, list) {
			t.Errorf("%+v became %+v, %v", list, got, err)
		}
	})
}
