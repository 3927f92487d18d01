package upstream_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// The times of these tests are real: 300 ms is when an answer is late.

func (b bench) forget() {
	for _, u := range b.u {
		u.Forget()
	}
}

func TestHedge(t *testing.T) {
	t.Parallel()
	b := setUp(t, 3)
	b.sampled(t)
	b.u[0].Fail(path, faulty.Hang().Always())
	start := time.Now()
	if body := b.mustGet(t, whole()); body.Mirror != b.u[1].URL {
		t.Error(body.Mirror)
	}
	if d := time.Since(start); d < 250*time.Millisecond || d > 5*time.Second { // the header time-out is 10 s
		t.Errorf("took %v", d)
	}
	s := b.Status()
	if s[0].State != upstream.Closed || s[0].Failures != 0 || s[0].Left["late"] != 1 || s[0].FirstByte < 50*time.Millisecond {
		t.Errorf("%+v", s[0])
	}
	b.idle(t)
	// What was late is not the first choice any more.
	b.mustGet(t, whole())
	if n := len(b.u[0].Requests()); n != 1 {
		t.Errorf("the one that hangs was asked %d times", n)
	}
}

// TestHedgesAreFew: one in twenty requests may be made twice. The first may at
// once, the next after twenty more.
func TestHedgesAreFew(t *testing.T) {
	t.Parallel()
	b := setUp(t, 2)
	b.sampled(t)
	hedged := func() bool {
		t.Helper()
		b.forget()
		first := slices.IndexFunc(b.u, func(u *faulty.Server) bool { return u.URL == b.Mirrors()[0] })
		b.u[first].Fail(path, faulty.Delay(450*time.Millisecond))
		if _, err := b.Head(t.Context(), whole()); err != nil {
			t.Fatal(err)
		}
		b.u[first].Heal(path)
		return len(b.u[0].Requests()) == len(b.u[1].Requests())
	}
	if !hedged() {
		t.Error("the first is not hedged")
	}
	for n := range 5 {
		if hedged() {
			t.Errorf("hedged again after %d requests", n)
		}
	}
	for range 16 { // 5 were made, and 2 to measure
		b.mustGet(t, unpinned())
	}
	if !hedged() {
		t.Error("not hedged after twenty requests")
	}
}

func TestAHedgeThatFails(t *testing.T) {
	t.Parallel()
	b := setUp(t, 2)
	b.sampled(t)
	b.u[0].Fail(path, faulty.Delay(500*time.Millisecond))
	b.u[1].Remove(path)
	if body := b.mustGet(t, whole()); body.Mirror != b.u[0].URL {
		t.Error(body.Mirror)
	}
	asked(t, b.u[0], "GET "+path+" -> 200")
	asked(t, b.u[1], "GET "+path+" -> 404")

	// Both fail: each is asked once a round.
	b = setUp(t, 2)
	b.sampled(t)
	b.u[0].Fail(path, faulty.Delay(400*time.Millisecond).And(faulty.Status(500)))
	b.u[1].Fail(path, faulty.Status(503))
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 500", "GET "+path+" -> 200")
	asked(t, b.u[1], "GET "+path+" -> 503")
}

// TestNoHedge: not alone, not to who is not known to be quick, not under patience.
func TestNoHedge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mirrors int
		measure bool
		r       upstream.Request
	}{
		"one mirror":          {1, true, whole()},
		"nobody measured":     {2, false, whole()},
		"one mirror is asked": {2, true, upstream.Request{Path: file, Size: -1, Mirror: "first"}},
		"patience":            {2, true, upstream.Request{Path: file, Size: -1, Patience: time.Minute}},
	} {
		b := setUp(t, c.mirrors)
		if c.measure {
			b.sampled(t)
		}
		if c.r.Mirror != "" {
			c.r.Mirror = b.u[0].URL
		}
		b.u[0].Fail(path, faulty.Delay(450*time.Millisecond))
		b.mustGet(t, c.r)
		if c.mirrors > 1 && len(b.u[1].Requests()) != 0 {
			t.Errorf("%s: the other was asked", name)
		}
	}
}

func TestCallerLeavesAHedge(t *testing.T) {
	t.Parallel()
	b := setUp(t, 2)
	b.sampled(t)
	for _, u := range b.u {
		u.Fail(path, faulty.Hang())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx, whole()); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	b.idle(t)
	for i, s := range b.Status() {
		if s.State != upstream.Closed || s.Failures != 0 {
			t.Errorf("%d: %+v", i, s)
		}
	}
	if len(b.u[1].Requests()) != 1 {
		t.Error("not hedged")
	}
}
