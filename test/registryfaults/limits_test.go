package registryfaults

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// waitMost is the 3 s that a client who could be served stale may wait for upstream,
// and what a busy machine adds.
const waitMost = 6 * time.Second

// limit is a rate limit as upstream words it.
type limit struct {
	name   string
	fields []string
	least  int // seconds that clients are told to wait
}

var limits = []limit{
	{"no Retry-After", nil, 1},
	{"Retry-After 1", []string{"Retry-After", "1"}, 1},
	{"Retry-After 3600", []string{"Retry-After", "3600"}, 250}, // believed up to five minutes
}

// told says what is wrong with a 429 for clients.
func (l limit) told(m *rig.Mirrord, r rig.Reply) error {
	if err := failure(m, r, "docker.io", http.StatusTooManyRequests); err != nil {
		return err
	}
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || n < l.least || n > 300 {
		return fmt.Errorf("Retry-After is %q, expected %d to 300", r.Header.Get("Retry-After"), l.least)
	}
	return nil
}

// TestRateLimit: a 429 is a 429 to who asks for something new, never a 404; what was
// fetched before is served on, and upstream is left alone as it wishes.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, l := range limits {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			u := faulty.New(t)
			known := newImage("docker.io", "team/app", 1, 1000)
			cold := newImage("docker.io", "team/other", 2, blobSize)
			known.publish(u)
			cold.publish(u)
			m := start(t, hub(u))
			if err := known.fetch(m); err != nil {
				t.Fatal(err)
			}
			u.Fail(faulty.All, faulty.Status(http.StatusTooManyRequests, l.fields...).Always())
			u.Forget()
			for range 2 {
				for _, p := range []string{byTag, cold.byDigest(), cold.layer(0), "tags/list"} {
					if err := l.told(m, rig.Get(cold.url(m, p))); err != nil {
						t.Errorf("%s: %v", p, err)
					}
				}
			}
			if r := head(cold.url(m, byTag)); r.Status != http.StatusTooManyRequests {
				t.Errorf("HEAD: %s", r.How())
			}
			if err := known.served(m, waitMost); err != nil {
				t.Error(err)
			}
			// Three rounds for who comes first; then the breaker opens for 1 s, 2 s, and so on.
			if n := len(u.Requests()); l.least > 5 && n != 1 || n > 25 {
				t.Errorf("%d requests reached an upstream that limits them: %q", n, u.Lines())
			}
			u.Heal(faulty.All)
			if l.least > 5 { // too long to wait for the end
				m.Fsck(t)
				return
			}
			if err := until(func() rig.Reply { return rig.Get(cold.url(m, byTag)) }, func(r rig.Reply) error { return manifestOf(r, cold.manifest) }); err != nil {
				t.Errorf("does not recover: %v", err)
			}
			m.Fsck(t)
		})
	}
}

// fetch has mirrord fetch all of the image.
func (im *image) fetch(m *rig.Mirrord) error {
	for _, p := range []string{byTag, im.byDigest()} {
		if err := manifestOf(rig.Get(im.url(m, p)), im.manifest); err != nil {
			return err
		}
	}
	for _, b := range im.blobs {
		if err := rig.Get(im.url(m, "blobs/"+sum(b))).Right("", b); err != nil {
			return err
		}
	}
	return nil
}

// served says what is wrong with the answers for an image that was fetched, while
// upstream is of no use and its tag not fresh.
func (im *image) served(m *rig.Mirrord, within time.Duration) error {
	r := rig.Get(im.url(m, byTag))
	if err := manifestOf(r, im.manifest); err != nil {
		return fmt.Errorf("by tag: %w", err)
	}
	if !r.Stale() {
		return fmt.Errorf("by tag: not labelled stale: %s", r.How())
	}
	if r.Took > within {
		return fmt.Errorf("by tag: took %v", r.Took)
	}
	r = rig.Get(im.url(m, im.byDigest()))
	if err := manifestOf(r, im.manifest); err != nil || !r.Hit() || r.Took > time.Second {
		return fmt.Errorf("by digest: %w: %s in %v", errors.Join(err), r.How(), r.Took)
	}
	for _, b := range im.blobs {
		url := im.url(m, "blobs/"+sum(b))
		r := rig.Get(url)
		if err := r.Right("", b); err != nil || !r.Hit() || r.Took > time.Second {
			return fmt.Errorf("a blob: %w: %s in %v", errors.Join(err), r.How(), r.Took)
		}
		if err := headOf(head(url), b); err != nil {
			return fmt.Errorf("HEAD of a blob: %w", err)
		}
	}
	return nil
}
