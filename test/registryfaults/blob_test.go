package registryfaults

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// wish is one way to ask for a blob.
type wish struct {
	name string
	ask  func(url string) []rig.Reply // as many as clients ask at once
	// field is that of Range, "" for the whole.
	field string
	inner bool // no part of it is the blob's end, which alone is held back until the verdict
}

var middle = fmt.Sprintf("bytes=%d-%d", blobSize*7/8, blobSize*7/8+999)

var wishes = []wish{
	{name: "whole", ask: func(url string) []rig.Reply { return []rig.Reply{rig.Get(url)} }},
	{name: "middle", ask: func(url string) []rig.Reply { return []rig.Reply{rig.Get(url, "Range", middle)} }, field: middle, inner: true},
	{name: "two", ask: func(url string) []rig.Reply { return atOnce(2, url) }},
}

// atOnce has n clients ask at once.
func atOnce(n int, url string, fields ...string) []rig.Reply {
	replies := make([]rig.Reply, n)
	var wg sync.WaitGroup
	for i := range replies {
		wg.Go(func() { replies[i] = rig.Get(url, fields...) })
	}
	wg.Wait()
	return replies
}

// blobCase is one trouble with one layer, asked for in one way. Each has a registry
// of its own, so that no breaker of another is in its way.
type blobCase struct {
	t     trouble
	wish  wish
	lasts bool // until it is mended; else for as many requests as the trouble has faults
	im    *image
}

func (c blobCase) name() string {
	return fmt.Sprintf("%s/%s/lasting=%v/%s", c.t.name, c.wish.name, c.lasts, c.im.registry)
}

func blobCases() (cases []blobCase) {
	for _, t := range troubles {
		for _, w := range wishes {
			for _, lasts := range []bool{false, true} {
				name := fmt.Sprintf("r%d.example", len(cases))
				cases = append(cases, blobCase{t, w, lasts, newImage(name, "team/app", uint64(len(cases)), blobSize)})
			}
		}
	}
	return cases
}

func (c blobCase) data() []byte { return c.im.blobs[1] }

func (c blobCase) spoil(u *faulty.Server) {
	fs := c.t.faults(c.data())
	if c.lasts {
		fs[len(fs)-1] = fs[len(fs)-1].Always()
	}
	u.Fail(c.im.path(c.im.layer(0)), fs...)
}

func (c blobCase) mend(u *faulty.Server) { u.Heal(c.im.path(c.im.layer(0))) }

// approach pulls the manifest, as clients do before they ask for a blob.
func (c blobCase) approach(m *rig.Mirrord) error {
	return manifestOf(rig.Get(c.im.url(m, byTag)), c.im.manifest)
}

// mayFail says what is wrong with answers during the trouble.
func (c blobCase) mayFail(m *rig.Mirrord, replies []rig.Reply) error {
	for _, r := range replies {
		switch {
		case r.Err != nil: // broken off: the client knows
		case r.Status >= 400:
			if err := failure(m, r, c.im.registry, c.t.statuses()...); err != nil {
				return err
			}
		case c.wish.inner && c.t.shows:
		default:
			if err := r.Right(c.wish.field, c.data()); err != nil {
				return err
			}
		}
	}
	return nil
}

// heals waits for the whole blob, and then has it in every way.
func (c blobCase) heals(m *rig.Mirrord) error {
	url := c.im.url(m, c.im.layer(0))
	err := until(func() rig.Reply { return rig.Get(url) }, func(r rig.Reply) error {
		if r.Err == nil && r.Status < 300 && !bytes.Equal(r.Body, c.data()) {
			return nil // judged below, and wrong
		}
		return r.Right("", c.data())
	})
	if err != nil {
		return fmt.Errorf("does not recover: %w", err)
	}
	for _, field := range []string{"", middle} {
		r := rig.Get(url, ranged(field)...)
		if err := exactly(r, field, c.data()); err != nil || !r.Hit() {
			return fmt.Errorf("after recovery, Range %q: %v, %s", field, err, r.How())
		}
	}
	return headOf(head(url), c.data())
}

// each runs fn for all cases, many at a time: most of them wait.
func each(t *testing.T, cases []blobCase, upstreams []*faulty.Server, fn func(blobCase) error) {
	t.Helper()
	sema := make(chan struct{}, 24)
	var wg sync.WaitGroup
	for _, c := range cases {
		sema <- struct{}{}
		wg.Go(func() {
			defer func() { <-sema }()
			for _, u := range upstreams {
				c.im.publish(u)
				defer c.im.withdraw(u)
			}
			if err := fn(c); err != nil {
				t.Errorf("%s: %v", c.name(), err)
			}
		})
	}
	wg.Wait()
}

func registries(cases []blobCase, upstreams ...*faulty.Server) string {
	var all strings.Builder
	for _, c := range cases {
		all.WriteString(registry(c.im.registry, "", upstreams...))
	}
	return all.String()
}

// requestsMost bounds what one case may cost upstream: the requests before it,
// three rounds of a fetch that fails, resumes, and the recovery.
const requestsMost = 30

// TestBlob has every trouble at the only upstream.
func TestBlob(t *testing.T) {
	u, elsewhere := faulty.New(t), aside(t)
	cases := blobCases()
	m := start(t, registries(cases, u))
	each(t, cases, []*faulty.Server{u}, func(c blobCase) error {
		if err := c.approach(m); err != nil {
			return err
		}
		c.spoil(u)
		if err := c.mayFail(m, c.wish.ask(c.im.url(m, c.im.layer(0)))); err != nil {
			return err
		}
		c.mend(u)
		return c.heals(m)
	})
	asked := map[string]int{}
	for _, r := range u.Requests() {
		asked[strings.Split(r.Path, "/")[2]]++
	}
	for _, c := range cases {
		if n := asked[c.im.registry]; n > requestsMost {
			t.Errorf("%s: %d requests reached upstream", c.name(), n)
		}
	}
	elsewhere()
	m.Fsck(t)
}

// TestBlobOfTwo has every trouble at the first of two upstreams, for good: the client
// does not notice, but where bytes prove wrong only when some were passed on.
func TestBlobOfTwo(t *testing.T) {
	bad, good, elsewhere := faulty.New(t), faulty.New(t), aside(t)
	var cases []blobCase
	for _, c := range blobCases() {
		if c.lasts {
			cases = append(cases, c)
		}
	}
	m := start(t, registries(cases, bad, good))
	each(t, cases, []*faulty.Server{bad, good}, func(c blobCase) error {
		if err := c.approach(m); err != nil {
			return err
		}
		c.spoil(bad)
		replies := c.wish.ask(c.im.url(m, c.im.layer(0)))
		if c.t.shows {
			if err := c.mayFail(m, replies); err != nil {
				return err
			}
			return c.heals(m) // from the second upstream
		}
		for _, r := range replies {
			if err := r.Right(c.wish.field, c.data()); err != nil {
				return fmt.Errorf("the client noticed: %w; %.200q", err, r.Body)
			}
		}
		return nil
	})
	for _, c := range cases {
		if n := good.Sent(c.im.path(c.im.layer(0))); n > 3*blobSize {
			t.Errorf("%s: the second upstream sent %d bytes", c.name(), n)
		}
	}
	elsewhere()
	m.Fsck(t)
}

// TestBlobHead: a HEAD says what is true, or that it cannot be told.
func TestBlobHead(t *testing.T) {
	u, elsewhere := faulty.New(t), aside(t)
	var cases []blobCase
	for _, c := range blobCases() {
		if c.lasts && c.wish.name == "whole" && !c.t.header {
			cases = append(cases, c)
		}
	}
	m := start(t, registries(cases, u))
	each(t, cases, []*faulty.Server{u}, func(c blobCase) error {
		if err := c.approach(m); err != nil {
			return err
		}
		c.spoil(u)
		r := head(c.im.url(m, c.im.layer(0)))
		ok := r.Status >= 400 && len(r.Body) == 0
		if err := headOf(r, c.data()); err != nil && !ok {
			return err
		}
		c.mend(u)
		return c.heals(m)
	})
	elsewhere()
	m.Fsck(t)
}
