package registryfaults

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// bad is a way in which upstream answers for a manifest. data is the right one.
type bad struct {
	name  string
	fault func(data []byte) faulty.Fault
	then  *faulty.Fault // to all but the first request, where that has not fault too
	// blind: for a tag nothing tells that it is wrong.
	blind  bool
	limits bool
}

// tampered is a manifest like data that names another layer.
func tampered(data []byte) []byte {
	i := bytes.LastIndex(data, []byte("sha256:")) + len("sha256:")
	out := bytes.Clone(data)
	copy(out[i:], strings.Repeat("f", 64))
	return out
}

// schema1 is the form of manifest that registries gave ten years ago.
const schema1 = `{"schemaVersion":1,"name":"team/app","tag":"1","architecture":"amd64","fsLayers":[{"blobSum":"sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"}],"history":[{"v1Compatibility":"{}"}]}`

func page(mime string, data []byte) func([]byte) faulty.Fault {
	return func([]byte) faulty.Fault { return faulty.Page(mime, data) }
}

func always(f faulty.Fault) func([]byte) faulty.Fault { return func([]byte) faulty.Fault { return f } }

var bads = []bad{
	{name: "another", blind: true, fault: func(d []byte) faulty.Fault { return faulty.Page(oci.TypeManifest, tampered(d)) }},
	{name: "not what its header says", fault: func(d []byte) faulty.Fault {
		return faulty.Page(oci.TypeManifest, tampered(d)).And(faulty.Header("Docker-Content-Digest", sum(d)))
	}},
	{name: "error page", fault: always(errorPage)},
	{name: "JSON of another kind", fault: page("application/json", []byte(`{"errors":[]}`))},
	{name: "larger than 4 MiB", fault: func(d []byte) faulty.Fault {
		return faulty.Page(oci.TypeManifest, append(bytes.Clone(d), bytes.Repeat([]byte{' '}, 4<<20)...))
	}},
	{name: "without end", fault: func(d []byte) faulty.Fault {
		return faulty.Page(oci.TypeManifest, append(bytes.Clone(d), bytes.Repeat([]byte{' '}, 5<<20)...)).And(faulty.Chunked())
	}},
	{name: "schema 1", fault: page("application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(schema1))},
	{name: "schema 1 as plain JSON", fault: page("application/json", []byte(schema1))},
	{name: "other content type", fault: always(faulty.Header("Content-Type", oci.TypeIndex))},
	{name: "text", fault: always(faulty.Header("Content-Type", "text/html"))},
	{name: "cut", fault: always(faulty.Cut(40)), then: new(faulty.Drop())},
	{name: "truncated unseen", fault: always(faulty.CloseDelimited().And(faulty.Cut(40)))},
	{name: "stall", fault: always(faulty.Stall(40)), then: new(faulty.Hang())},
	{name: "hang", fault: always(faulty.Hang())},
	{name: "length too long", fault: always(faulty.Length(7))},
	{name: "length too short", fault: always(faulty.Length(-7))},
	{name: "redirect away", fault: func([]byte) faulty.Fault { return faulty.Redirect(away + "/elsewhere") }},
	{name: "500", fault: always(faulty.Status(500))},
	{name: "503", fault: always(faulty.Unavailable(1))},
	{name: "429", fault: always(faulty.Status(429)), limits: true},
}

// manifestCase is one bad answer for a manifest, asked for by tag or by digest.
type manifestCase struct {
	bad
	by string // path below the repository
	im *image
}

func (c manifestCase) name() string { return fmt.Sprintf("%s/%.16s", c.bad.name, c.by) }

func manifestCases(by ...func(*image) string) (cases []manifestCase) {
	for i, b := range bads {
		for j, path := range by {
			im := newImage(fmt.Sprintf("r%d-%d.example", i, j), "team/app", uint64(i<<8+j), 1000)
			cases = append(cases, manifestCase{b, path(im), im})
		}
	}
	return cases
}

func tagPath(*image) string       { return byTag }
func digestPath(im *image) string { return im.byDigest() }

// spoil has upstream answer badly at path, where data would be right.
func (b bad) spoil(u *faulty.Server, path string, data []byte) {
	if b.then == nil {
		u.Fail(path, b.fault(data).Always())
		return
	}
	u.Fail(path, b.fault(data), b.then.Always())
}

// fails says what is wrong with an answer that must be an error.
func (c manifestCase) fails(m *rig.Mirrord, r rig.Reply) error {
	if c.limits {
		return failure(m, r, c.im.registry, 429)
	}
	return failure(m, r, c.im.registry, upstreamFailed...)
}

func eachManifest(t *testing.T, cases []manifestCase, fn func(manifestCase) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range cases {
		wg.Go(func() {
			if err := fn(c); err != nil {
				t.Errorf("%s: %v", c.name(), err)
			}
		})
	}
	wg.Wait()
}

// startFor runs mirrord with a registry a case at all upstreams, which have its image.
func startFor(t *testing.T, cases []manifestCase, upstreams ...*faulty.Server) *rig.Mirrord {
	t.Helper()
	var repos strings.Builder
	for _, c := range cases {
		repos.WriteString(registry(c.im.registry, "", upstreams...))
		for _, u := range upstreams {
			c.im.publish(u)
		}
	}
	return start(t, repos.String())
}

// TestManifest: what is no manifest, or not the one that was asked for, is never
// given to anybody, whole or in part, and when upstream has mended the right one is.
func TestManifest(t *testing.T) {
	u, elsewhere := faulty.New(t), aside(t)
	cases := manifestCases(tagPath, digestPath)
	m := startFor(t, cases, u)
	eachManifest(t, cases, func(c manifestCase) error {
		c.spoil(u, c.im.path(c.by), c.im.manifest)
		url := c.im.url(m, c.by)
		if c.blind && c.by == byTag {
			return manifestOf(rig.Get(url), tampered(c.im.manifest)) // so be it: upstream may move its tags
		}
		replies := append(atOnce(2, url), rig.Get(url, "Range", "bytes=10-19"))
		for _, r := range replies {
			if err := c.fails(m, r); err != nil {
				return err
			}
		}
		if r := head(url); r.Status < 400 || len(r.Body) > 0 {
			return fmt.Errorf("HEAD: %s", r.How())
		}
		u.Heal(c.im.path(c.by))
		if err := until(func() rig.Reply { return rig.Get(url) }, func(r rig.Reply) error { return manifestOf(r, c.im.manifest) }); err != nil {
			return fmt.Errorf("does not recover: %w", err)
		}
		return headOf(head(url), c.im.manifest)
	})
	elsewhere()
	m.Fsck(t)
}

// TestManifestOfTwo has every bad answer at the first of two upstreams: the client
// gets the right one from the second.
func TestManifestOfTwo(t *testing.T) {
	first, second, elsewhere := faulty.New(t), faulty.New(t), aside(t)
	cases := manifestCases(tagPath, digestPath)
	m := startFor(t, cases, first, second)
	eachManifest(t, cases, func(c manifestCase) error {
		c.spoil(first, c.im.path(c.by), c.im.manifest)
		want := c.im.manifest
		if c.blind && c.by == byTag {
			want = tampered(want)
		}
		for _, r := range atOnce(2, c.im.url(m, c.by)) {
			if err := manifestOf(r, want); err != nil {
				return err
			}
		}
		// The rest of what broke off, the whole, and what is late of the two asked twice.
		if n := gets(second, c.im.path(c.by)); n > 3 {
			return fmt.Errorf("the second upstream was asked %d times", n)
		}
		return nil
	})
	elsewhere()
	m.Fsck(t)
}

// gets counts the GETs of a path: a tag is also confirmed by HEAD.
func gets(u *faulty.Server, path string) (n int) {
	for _, r := range u.Requests() {
		if r.Method == http.MethodGet && r.Path == path {
			n++
		}
	}
	return n
}

// TestTagGoesBad: a tag that was served before is served on, labelled, while upstream
// answers badly for it.
func TestTagGoesBad(t *testing.T) {
	u, elsewhere := faulty.New(t), aside(t)
	cases := manifestCases(tagPath)
	m := startFor(t, cases, u)
	eachManifest(t, cases, func(c manifestCase) error {
		return manifestOf(rig.Get(c.im.url(m, byTag)), c.im.manifest)
	})
	eachManifest(t, cases, func(c manifestCase) error {
		next := newImage(c.im.registry, "team/app", 1<<20+uint64(len(c.name())), 1000)
		c.im.setManifest(u, byTag, next.manifest) // upstream has moved the tag on, and the HEAD says so
		next.publishManifest(u)
		c.spoil(u, next.path(byTag), next.manifest)
		c.spoil(u, next.path(next.byDigest()), next.manifest)
		if c.blind {
			return c.goesBlind(m, next)
		}
		for _, r := range atOnce(2, c.im.url(m, byTag)) {
			if err := manifestOf(r, c.im.manifest); err != nil {
				return err
			}
			if !r.Stale() {
				return fmt.Errorf("not labelled: %s", r.How())
			}
		}
		u.Heal(next.path(byTag))
		u.Heal(next.path(next.byDigest()))
		return until(func() rig.Reply { return rig.Get(c.im.url(m, byTag)) }, func(r rig.Reply) error { return manifestOf(r, next.manifest) })
	})
	elsewhere()
	m.Fsck(t)
}

// goesBlind: upstream gives another manifest for a tag, and says no digest that it
// could be held against.
func (c manifestCase) goesBlind(m *rig.Mirrord, next *image) error {
	r := rig.Get(c.im.url(m, byTag))
	if manifestOf(r, c.im.manifest) != nil {
		return manifestOf(r, tampered(next.manifest))
	}
	return nil
}
