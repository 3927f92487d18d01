package registryfaults

import (
	"fmt"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// TestTagByHead: what upstream's HEAD says of a tag, and what follows it, when the
// tag is stored and not fresh any more. First and second are manifests.
func TestTagByHead(t *testing.T) {
	t.Parallel()
	heads := func(f faulty.Fault) faulty.Fault { return f.When(isHead) }
	for i, c := range []struct {
		name  string
		moved bool // the tag leads to the second now
		fault func(second *image) (at string, f faulty.Fault)
		want  []string // upstream is asked
		old   bool     // the first manifest is served
		stale bool     // and labelled
	}{
		{name: "unchanged", want: []string{"HEAD tag -> 200"}, old: true},
		{name: "moved", moved: true, want: []string{"HEAD tag -> 200", "GET manifest -> 200"}},
		{name: "no digest, unchanged", old: true, want: []string{"HEAD tag -> 200", "GET tag -> 304"},
			fault: func(*image) (string, faulty.Fault) { return byTag, heads(faulty.Header("Docker-Content-Digest", "")) }},
		{name: "no digest, moved", moved: true, want: []string{"HEAD tag -> 200", "GET tag -> 200"},
			fault: func(*image) (string, faulty.Fault) { return byTag, heads(faulty.Header("Docker-Content-Digest", "")) }},
		{name: "bad digest, moved", moved: true, want: []string{"HEAD tag -> 200", "GET tag -> 200"},
			fault: func(*image) (string, faulty.Fault) {
				return byTag, heads(faulty.Header("Docker-Content-Digest", "sha256:beef"))
			}},
		{name: "no HEAD", moved: true, want: []string{"HEAD tag -> 405", "GET tag -> 200"},
			fault: func(*image) (string, faulty.Fault) { return byTag, heads(faulty.Status(405)) }},
		{name: "HEAD and GET differ", moved: true, old: true, stale: true, want: []string{"HEAD tag -> 200", "GET manifest -> 200"},
			fault: func(second *image) (string, faulty.Fault) {
				return second.byDigest(), faulty.Page(oci.TypeManifest, tampered(second.manifest))
			}},
		{name: "moved to what is not there", moved: true, want: []string{"HEAD tag -> 200", "GET manifest -> 404", "GET tag -> 200"},
			fault: func(second *image) (string, faulty.Fault) { return second.byDigest(), faulty.Status(404) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			first := newImage("docker.io", "team/app", uint64(i), 100)
			second := newImage("docker.io", "team/app", uint64(i)+1000, 100)
			first.publish(u)
			m := start(t, hub(u))
			url := first.url(m, byTag)
			if err := manifestOf(rig.Get(url), first.manifest); err != nil {
				t.Fatal(err)
			}
			if c.moved {
				second.publish(u)
			}
			if c.fault != nil {
				at, f := c.fault(second)
				u.Fail(second.path(at), f.Always())
			}
			u.Forget()
			want := second.manifest
			if c.old {
				want = first.manifest
			}
			r := rig.Get(url)
			if err := manifestOf(r, want); err != nil || r.Stale() != c.stale {
				t.Errorf("%v: %s", err, r.How())
			}
			second.wantsAsked(t, u, c.want...)
			m.Fsck(t)
		})
	}
}

// TestTagGone: what upstream says is not there is refused, unless it is configured
// otherwise; the manifest itself is served by its digest.
func TestTagGone(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"deny", "warn", "serve"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			im := newImage("docker.io", "team/app", 1, 100)
			im.publish(u)
			m := start(t, registry("docker.io", ", default: true, gone: "+gone, u))
			if err := manifestOf(rig.Get(im.url(m, byTag)), im.manifest); err != nil {
				t.Fatal(err)
			}
			u.Remove(im.path(byTag))
			for range 2 {
				r := rig.Get(im.url(m, byTag))
				err := failure(m, r, "docker.io", 404)
				if gone != "deny" {
					if err = manifestOf(r, im.manifest); err == nil && !r.Stale() {
						err = fmt.Errorf("not labelled: %s", r.How())
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
			if r := rig.Get(im.url(m, im.byDigest())); manifestOf(r, im.manifest) != nil || r.Stale() {
				t.Errorf("by digest: %s", r.How())
			}
			m.Fsck(t)
		})
	}
}
