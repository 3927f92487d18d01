package mirror

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// layer is large enough to be read in pieces.
func layer(name string) string { return strings.Repeat(name+"\n", 50_000) }

func TestPullOnce(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("library/alpine")
	d := im.push("3", layer("one"), layer("two"))
	one, two := digest.Of([]byte(layer("one"))), digest.Of([]byte(layer("two")))
	pull := func() {
		t.Helper()
		a := h.gets(nobody, "HEAD alpine/manifests/3", im.blobs[d])
		if a.Named != d || a.ContentType != oci.TypeManifest {
			t.Errorf("named %s, of type %s", a.Named, a.ContentType)
		}
		h.gets(nobody, "docker.io/library/alpine/manifests/"+string(d), im.blobs[d])
		h.gets(nobody, "library/alpine/blobs/"+string(one), layer("one"))
		h.gets(nobody, "library/alpine/blobs/"+string(two), layer("two"))
	}
	pull()
	h.wantsAsked(h.main, "GET library/alpine/manifests/3 200",
		"GET library/alpine/blobs/"+short(one)+" 200", "GET library/alpine/blobs/"+short(two)+" 200")
	pull()
	h.wantsAsked(h.main)
	// A tag is confirmed by HEAD.
	h.advance(2 * time.Minute)
	pull()
	h.wantsAsked(h.main, "HEAD library/alpine/manifests/3 200")
	// And served without upstream, after a restart too.
	h.main.set(func() { h.main.fail = 500 })
	h.advance(24 * time.Hour)
	h.stop()
	h.start()
	pull()
	a := h.gets(nobody, "alpine/manifests/3", im.blobs[d])
	if !strings.Contains(a.CacheStatus(), "fwd=stale") {
		t.Errorf("no word of it: %s", a.CacheStatus())
	}
}

func TestTagMoves(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("a/b")
	was := im.push("1", "old")
	h.gets(nobody, "a/b/manifests/1", im.blobs[was])
	var now digest.Digest
	h.main.set(func() { now = im.push("1", "new") })
	h.gets(nobody, "a/b/manifests/1", im.blobs[was])
	h.advance(2 * time.Minute)
	h.main.asked()
	if a := h.gets(nobody, "a/b/manifests/1", im.blobs[now]); a.Named != now {
		t.Errorf("named %s, expected %s", a.Named, now)
	}
	h.wantsAsked(h.main, "HEAD a/b/manifests/1 200", "GET a/b/manifests/"+short(now)+" 200")
	h.gets(nobody, "a/b/manifests/"+string(was), im.blobs[was])
	h.wantsAsked(h.main)
}

// TestLayerOfTwoRepositories: it is fetched once, and each repository must have it.
func TestLayerOfTwoRepositories(t *testing.T) {
	h := newHub(t, nil)
	h.main.image("a/one").push("1", layer("base"))
	h.other.image("b/two").push("1", layer("base"))
	h.main.image("a/none").push("1", "else")
	base := digest.Of([]byte(layer("base")))
	h.gets(nobody, "a/one/blobs/"+string(base), layer("base"))
	for range 2 {
		h.gets(nobody, "other/b/two/blobs/"+string(base), layer("base"))
		h.refuses(nobody, "a/none/blobs/"+string(base))
	}
	h.wantsAsked(h.main, "GET a/one/blobs/"+short(base)+" 200", "HEAD a/none/blobs/"+short(base)+" 404")
	h.wantsAsked(h.other, "HEAD b/two/blobs/"+short(base)+" 200")
	var said *oci.Error
	if _, err := h.pull(nobody, "a/one/manifests/"+string(base)); !errors.As(err, &said) || said.Code != oci.CodeManifestUnknown {
		t.Errorf("a layer as manifest: %v", err)
	}
}

func TestAliases(t *testing.T) {
	known := func(s string) bool { return s == "docker.io" || s == "other" }
	reference := func(s string) oci.Reference {
		ref, err := oci.ParseReference(s, "docker.io", known)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	aliases, err := oci.NewAliases([]oci.Alias{
		{From: reference("alpine:3.12"), To: reference("other/mine/alpine:3.12-local")},
		{From: reference("old/name"), To: reference("other/new/name")},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := newHub(t, func(h *hub) { h.aliases = aliases })
	im := h.other.image("mine/alpine")
	d := im.push("3.12-local", layer("local"))
	blob := digest.Of([]byte(layer("local")))
	own := h.main.image("library/alpine")
	own.push("3.13", "own")
	h.other.image("new/name").push("1", "n")
	ann := upstream.Login{Username: "ann", Password: "a"}
	if a := h.gets(ann, "alpine/manifests/3.12", im.blobs[d]); a.Named != d || a.Repo != "other" {
		t.Errorf("%s of %s", a.Named, a.Repo)
	}
	h.gets(ann, "library/alpine/manifests/"+string(d), im.blobs[d])
	h.gets(ann, "library/alpine/blobs/"+string(blob), layer("local"))
	h.gets(ann, "library/alpine/manifests/3.13", own.blobs[own.tags["3.13"]])
	h.gets(ann, "library/alpine/manifests/"+string(own.tags["3.13"]), own.blobs[own.tags["3.13"]])
	moved := h.other.image("new/name")
	h.gets(ann, "old/name/manifests/1", moved.blobs[moved.tags["1"]])
}

func TestGone(t *testing.T) {
	for _, policy := range []Gone{GoneDeny, GoneWarn, GoneServe} {
		var log bytes.Buffer
		h := newHub(t, func(h *hub) { h.gone, h.log = policy, slog.New(slog.NewTextHandler(&log, nil)) })
		im := h.main.image("a/b")
		d := im.push("1", "x")
		h.gets(nobody, "a/b/manifests/1", im.blobs[d])
		h.main.set(func() { delete(im.tags, "1") })
		h.advance(2 * time.Minute)
		for range 2 {
			if policy == GoneDeny {
				h.refuses(nobody, "a/b/manifests/1")
				continue
			}
			if a := h.gets(nobody, "a/b/manifests/1", im.blobs[d]); a.Stale != "gone upstream" {
				t.Errorf("%s: stale %q", policy, a.Stale)
			}
		}
		h.gets(nobody, "a/b/manifests/"+string(d), im.blobs[d])
		if got, want := strings.Count(log.String(), "upstream has no more"), map[Gone]int{GoneWarn: 1}[policy]; got != want {
			t.Errorf("%s: %d lines in the log, expected %d", policy, got, want)
		}
	}
}

// TestRateLimited: a 429 is answered from the store, and never becomes a 404.
func TestRateLimited(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("a/b")
	d := im.push("1", "x")
	h.gets(nobody, "a/b/manifests/1", im.blobs[d])
	h.advance(2 * time.Minute)
	h.main.set(func() { h.main.fail = 429 })
	if a := h.gets(nobody, "a/b/manifests/1", im.blobs[d]); !strings.Contains(a.Stale, "rate") {
		t.Errorf("stale %q", a.Stale)
	}
	_, err := h.pull(nobody, "a/b/manifests/2")
	if !rateLimited(err) || absent(err) || !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("%v, expected a 429", err)
	}
}

// TestUnfitManifest: what upstream says in place of a manifest is not believed.
func TestUnfitManifest(t *testing.T) {
	other := newImage()
	valid := other.blobs[other.push("x", "other")]
	for _, wrong := range []string{"<html>Log in to the Wi-Fi</html>", valid, "{}", strings.Repeat(" ", oci.ManifestMost) + valid} {
		h := newHub(t, nil)
		im := h.main.image("a/b")
		d := im.push("1", "x")
		h.main.set(func() { h.main.wrong = wrong })
		for _, ref := range []string{"1", string(d)} {
			a, err := h.pull(nobody, "a/b/manifests/"+ref)
			if err == nil {
				a.Close()
				t.Errorf("%.30q: %s was served", wrong, ref)
			} else if !errors.Is(err, ErrUnfit) && !errors.Is(err, cache.ErrMismatch) {
				t.Errorf("%.30q: %v", wrong, err)
			}
		}
		h.main.set(func() { h.main.wrong = "" })
		h.advance(time.Hour)
		h.gets(nobody, "a/b/manifests/1", im.blobs[d])
	}
}

func TestLists(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("a/b")
	im.lists["tags/list?n=2"] = `{"name":"a/b","tags":["a","b"]}`
	im.lists["tags/list?n=2&last=b"] = `{"name":"a/b","tags":["c"]}`
	for range 2 {
		a := h.gets(nobody, "a/b/tags/list?n=2", im.lists["tags/list?n=2"])
		if next, ok := oci.LinkNext(a.Link); !ok || next != "n=2&last=b" {
			t.Errorf("the next page is %q, %v", next, ok)
		}
	}
	h.wantsAsked(h.main, "GET a/b/tags/list?n=2 200")
	h.main.set(func() { im.lists["tags/list"] = "<html>" })
	if _, err := h.pull(nobody, "a/b/tags/list"); !errors.Is(err, ErrUnfit) {
		t.Errorf("%v, expected ErrUnfit", err)
	}
}

// TestReferrers: the API where upstream has it, else the tag, else none.
func TestReferrers(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("a/b")
	subject, bare := im.push("1", "x"), im.push("2", "y")
	index := `{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` +
		`{"mediaType":"` + oci.TypeManifest + `","digest":"sha256:` + sha("s") + `","size":3,"artifactType":"sbom"},` +
		`{"mediaType":"` + oci.TypeManifest + `","digest":"sha256:` + sha("t") + `","size":4,"artifactType":"sig"}]}`
	d := im.add(index)
	im.kinds[d], im.tags[oci.ReferrersTag(subject)] = oci.TypeIndex, d
	h.gets(nobody, "a/b/referrers/"+string(subject), index)
	a := h.mustPull(nobody, "a/b/referrers/"+string(subject)+"?artifactType=sbom")
	got, _ := io.ReadAll(a)
	if !a.Filtered || !strings.Contains(string(got), sha("s")) || strings.Contains(string(got), sha("t")) {
		t.Errorf("filtered %v: %s", a.Filtered, got)
	}
	h.gets(nobody, "a/b/referrers/"+string(bare), string(oci.EmptyIndex()))
	h.main.set(func() { im.lists["referrers/"+string(bare)] = index })
	h.advance(time.Minute)
	h.gets(nobody, "a/b/referrers/"+string(bare), index)
}

// TestTagThatCannotBeCommitted: the bytes of a manifest came, and the disk fails as
// they are made an object; clients are told the digest all the same.
func TestTagThatCannotBeCommitted(t *testing.T) {
	h := newHub(t, nil)
	im := h.main.image("library/alpine")
	d := im.push("3", "layer")
	shard := filepath.Join(h.dir, "blobs", "sha256", d.Hex()[:2])
	if err := os.WriteFile(shard, nil, 0o600); err != nil { // where the object's directory would be
		t.Fatal(err)
	}
	if a := h.gets(upstream.Login{}, "library/alpine/manifests/3", im.blobs[d]); a.Named != d {
		t.Errorf("the digest is said to be %q, expected %q", a.Named, d)
	}
}
