package mirror

import (
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// tagAlias is a hub where one tag of library/alpine is elsewhere.
func tagAlias(t *testing.T) *hub {
	t.Helper()
	known := func(s string) bool { return s == "docker.io" || s == "other" }
	from, err := oci.ParseReference("alpine:3.12", "docker.io", known)
	if err != nil {
		t.Fatal(err)
	}
	to, err := oci.ParseReference("other/mine/alpine:3.12-local", "docker.io", known)
	if err != nil {
		t.Fatal(err)
	}
	aliases, err := oci.NewAliases([]oci.Alias{{From: from, To: to}})
	if err != nil {
		t.Fatal(err)
	}
	return newHub(t, func(h *hub) { h.aliases = aliases })
}

// TestAliasAway: the place of one tag's alias is asked for no digest that is known to
// be elsewhere, and keeps nobody from what is elsewhere when it is down.
func TestAliasAway(t *testing.T) {
	h := tagAlias(t)
	im := h.main.image("library/alpine")
	d := im.push("3.13", "own")
	h.gets(nobody, "alpine/manifests/3.13", im.blobs[d])
	h.advance(time.Minute)
	h.gets(nobody, "alpine/manifests/"+string(d), im.blobs[d])
	h.wantsAsked(h.other)
	h.gets(nobody, "alpine/blobs/"+string(digest.Of([]byte("own"))), "own") // a manifest from there names it
	h.wantsAsked(h.other)
	h.other.set(func() { h.other.fail = 500 })
	h.gets(nobody, "alpine/manifests/"+string(d), im.blobs[d])
	cold := im.push("3.14", "cold")
	h.gets(nobody, "alpine/manifests/"+string(cold), im.blobs[cold])
}

// TestAliasReferrers: that nothing refers to a digest at the place of an alias says
// nothing about the name's own place.
func TestAliasReferrers(t *testing.T) {
	h := tagAlias(t)
	im := h.main.image("library/alpine")
	d := im.push("3.13", "own")
	index := `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` +
		`{"mediaType":"` + oci.TypeManifest + `","digest":"sha256:` + sha("s") + `","size":3,"artifactType":"sbom"}]}`
	im.lists["referrers/"+string(d)] = index
	h.gets(nobody, "alpine/referrers/"+string(d), index)
}

// TestMissingTag: that library/NAME lacks a tag stays the answer where NAME itself,
// as on Docker Hub, is refused.
func TestMissingTag(t *testing.T) {
	h := newHub(t, nil)
	h.main.image("library/alpine").push("3", "own")
	h.main.image("alpine").users = map[string]string{"ann": "a"}
	if _, err := h.pull(nobody, "alpine/manifests/none"); !absent(err) {
		t.Errorf("%v, expected 404", err)
	}
	h.wantsAsked(h.main, "GET library/alpine/manifests/none 404", "GET alpine/manifests/none 401")
}
