package registryfaults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// lines are what upstream was asked, short: "GET layer 0 bytes=5- -> 206".
func (im *image) lines(u *faulty.Server) (out []string) {
	for _, line := range u.Lines() {
		for name, p := range map[string]string{"tag": byTag, "manifest": im.byDigest()} {
			line = strings.Replace(line, im.path(p)+" ", name+" ", 1)
		}
		for i := range im.blobs[1:] {
			line = strings.Replace(line, im.path(im.layer(i))+" ", fmt.Sprintf("layer %d ", i), 1)
		}
		out = append(out, line)
	}
	return out
}

// wantsAsked fails the test where upstream was asked anything else since the last time.
func (im *image) wantsAsked(t *testing.T, u *faulty.Server, want ...string) {
	t.Helper()
	if got := im.lines(u); !slices.Equal(got, want) {
		t.Errorf("upstream was asked\n  %q\nexpected\n  %q", got, want)
	}
	u.Forget()
}

// approach pulls the manifest, as clients do before they ask for a layer: that they
// may read the repository is known from then on.
func (im *image) approach(t *testing.T, m *rig.Mirrord, u *faulty.Server) {
	t.Helper()
	if err := manifestOf(rig.Get(im.url(m, byTag)), im.manifest); err != nil {
		t.Fatal(err)
	}
	u.Forget()
}

// TestBlobRequests pins down what a layer costs upstream while it misbehaves, and
// that it costs nothing more once it is stored.
func TestBlobRequests(t *testing.T) {
	t.Parallel()
	const cutAt = 400_000
	const whole = "GET layer 0 -> 200"
	rest := fmt.Sprintf("GET layer 0 bytes=%d- -> 206", cutAt)
	far := fmt.Sprintf("GET layer 0 bytes=%d- -> 206", blobSize*7/8)
	for i, c := range []struct {
		name   string
		faults []faulty.Fault
		field  string // of Range
		want   []string
	}{
		{name: "none", want: []string{whole}},
		{name: "cut", faults: []faulty.Fault{faulty.Cut(cutAt)}, want: []string{whole, rest}},
		{name: "stall", faults: []faulty.Fault{faulty.Stall(cutAt)}, want: []string{whole, rest}},
		{name: "cut, then no range", faults: []faulty.Fault{faulty.Cut(cutAt), faulty.IgnoreRange()},
			want: []string{whole, fmt.Sprintf("GET layer 0 bytes=%d- -> 200", cutAt)}},
		{name: "cut, then 503", faults: []faulty.Fault{faulty.Cut(cutAt), faulty.Status(503)},
			want: []string{whole, fmt.Sprintf("GET layer 0 bytes=%d- -> 503", cutAt), rest}},
		{name: "drop", faults: []faulty.Fault{faulty.Drop()}, want: []string{"GET layer 0 -> 0", whole}},
		{name: "500", faults: []faulty.Fault{faulty.Status(500)}, want: []string{"GET layer 0 -> 500", whole}},
		{name: "429 that tells when", faults: []faulty.Fault{faulty.Status(429, "Retry-After", "1")}, want: []string{"GET layer 0 -> 429", whole}},
		{name: "404", faults: []faulty.Fault{faulty.Status(404).Always()}, want: []string{"GET layer 0 -> 404"}},
		{name: "middle", field: middle, want: []string{far, whole}},
		{name: "middle, no range", field: middle, faults: []faulty.Fault{faulty.IgnoreRange()},
			want: []string{fmt.Sprintf("GET layer 0 bytes=%d- -> 200", blobSize*7/8)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			im := newImage("docker.io", "team/app", uint64(i), blobSize)
			im.publish(u)
			m := start(t, hub(u))
			im.approach(t, m, u)
			u.Fail(im.path(im.layer(0)), c.faults...)
			url := im.url(m, im.layer(0))
			for i, field := range []string{c.field, "", c.field} {
				r := rig.Get(url, ranged(field)...)
				if c.name == "404" {
					if err := failure(m, r, "docker.io", http.StatusNotFound); err != nil {
						t.Error(err)
					}
					continue
				}
				if err := exactly(r, field, im.blobs[1]); err != nil || i == 2 && !r.Hit() {
					t.Errorf("answer %d, Range %q: %v: %s", i, field, err, r.How())
				}
			}
			if c.name != "404" {
				if err := headOf(head(url), im.blobs[1]); err != nil {
					t.Errorf("HEAD: %v", err)
				}
			}
			im.wantsAsked(t, u, c.want...)
			m.Fsck(t)
		})
	}
}

// TestBlobCut has a layer of 8 MiB cut at many places in one download.
func TestBlobCut(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	cuts := []int64{0, 1, 65_536, 1_000_000, 2_000_000, 4_000_000} // each lies within what is left
	for name, fault := range map[string]func(int64) faulty.Fault{
		"range":    faulty.Cut,
		"no range": func(n int64) faulty.Fault { return faulty.IgnoreRange().And(faulty.Cut(n)) },
		"reset":    faulty.Reset,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			im := newImage("docker.io", "team/app", 1, size)
			im.publish(u)
			m := start(t, hub(u))
			im.approach(t, m, u)
			for _, at := range cuts {
				u.Fail(im.path(im.layer(0)), fault(at))
			}
			if name == "no range" {
				u.Fail(im.path(im.layer(0)), faulty.IgnoreRange().Always())
			}
			for _, r := range atOnce(2, im.url(m, im.layer(0))) {
				if err := r.Right("", im.blobs[1]); err != nil {
					t.Errorf("%v: %s", err, r.How())
				}
			}
			if r := rig.Get(im.url(m, im.layer(0))); r.Right("", im.blobs[1]) != nil || !r.Hit() {
				t.Errorf("again: %s", r.How())
			}
			if n := u.Count(im.path(im.layer(0))); n != len(cuts)+1 {
				t.Errorf("upstream was asked %q, expected one GET, and one for each of %d cuts", im.lines(u), len(cuts))
			}
			m.Fsck(t)
		})
	}
}

// TestCutByAllClients: a layer that is cut under many clients at once is still one
// download.
func TestCutByAllClients(t *testing.T) {
	t.Parallel()
	u := faulty.New(t)
	im := newImage("docker.io", "team/app", 1, blobSize, blobSize)
	im.publish(u)
	m := start(t, hub(u))
	im.approach(t, m, u)
	for i := range 2 {
		u.Fail(im.path(im.layer(i)), faulty.Cut(300_000))
		for _, r := range atOnce(8, im.url(m, im.layer(i))) {
			if err := r.Right("", im.blobs[i+1]); err != nil {
				t.Errorf("layer %d: %v", i, err)
			}
		}
	}
	want := []string{"GET layer 0 -> 200", "GET layer 0 bytes=300000- -> 206", "GET layer 1 -> 200", "GET layer 1 bytes=300000- -> 206"}
	im.wantsAsked(t, u, want...)
	m.Fsck(t)
}
