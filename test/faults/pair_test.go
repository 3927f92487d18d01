package faults

import (
	"fmt"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestTwoUpstreams has every trouble at the first of two upstreams, for good: the
// client does not notice, and the second is not asked for more than it must.
func TestTwoUpstreams(t *testing.T) {
	bad, good := faulty.New(t), faulty.New(t)
	var cases []oneCase
	for _, c := range matrix() {
		if c.lasts {
			cases = append(cases, c)
		}
	}
	m := rig.Start(t, rig.Config{Repos: configOf(cases, bad, good), Extra: timeouts})
	each(t, cases, []*faulty.Server{bad, good}, func(c oneCase) error {
		if err := c.approach(m); err != nil {
			return err
		}
		c.spoil(bad)
		field := c.wish.field(len(c.data))
		r := rig.Get(m.URL(c.repo, c.path), fields(field)...)
		if c.t.shows.in(c.kind) {
			if err := c.mayFail(r, field, m, "127.0.0.1"); err != nil || c.kind == free {
				return err
			}
			return c.recovers(m, "127.0.0.1") // from the second upstream
		}
		if c.blind {
			return nil
		}
		if err := c.right(r, field); err != nil {
			return fmt.Errorf("the client noticed: %w; body %.200q", err, r.Body)
		}
		return nil
	})
	for _, c := range cases {
		p := "/" + c.repo + "/" + c.path
		if n := good.Sent(p); n > 3*fileSize {
			t.Errorf("%s: the second upstream sent %d bytes", c.name(), n)
		}
	}
	m.Fsck(t)
}
