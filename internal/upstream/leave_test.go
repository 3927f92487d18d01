package upstream_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// realClock puts the group on the real clock, for what is measured of sockets.
func realClock(t testing.TB, servers int, change ...func(*upstream.Config)) bench {
	t.Helper()
	var cfg upstream.Config
	b := setUp(t, servers, append(change, func(c *upstream.Config) { cfg = *c })...)
	b.t = upstream.NewTransport(upstream.Options{Proxy: noProxy})
	t.Cleanup(b.t.Close)
	b.Group = upstream.NewGroup(cfg, b.t)
	return b
}

func TestAStallIsLeft(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]upstream.Request{"pinned": whole(), "strong ETag": unpinned()} {
		b := setUp(t, 3)
		b.sampled(t)
		b.u[0].Fail(path, faulty.Stall(70000))
		start := time.Now()
		b.mustGet(t, r)
		if d := time.Since(start); d > 5*time.Second { // the idle time-out is 10 s
			t.Errorf("%s: took %v", name, d)
		}
		asked(t, b.u[1], from(70000))
		s := b.Status()[0]
		if s.State != upstream.Closed || s.Failures != 0 || s.Left["stall"] != 1 || !strings.HasPrefix(s.LastError, "no bytes for 1s") {
			t.Errorf("%s: %+v", name, s)
		}
		b.mustGet(t, r) // it is the last choice now
		asked(t, b.u[0], "GET "+path+" -> 200")
	}
}

// Nobody is known to be quicker: then the idle time-out counts.
func TestAStallIsWaitedForAlone(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(bench){
		"nobody is measured":   func(bench) {},
		"the other is slow":    func(b bench) { b.takes(1, time.Second); b.sampled(t) },
		"no bytes to go on by": func(b bench) { b.sampled(t); b.u[0].Set(path, content, faulty.ETag("")) },
	} {
		b := setUp(t, 2)
		prepare(b)
		b.u[1].Forget()
		b.u[0].Fail(path, faulty.Stall(70000))
		time.AfterFunc(1500*time.Millisecond, b.u[0].Release)
		r := whole()
		if strings.HasPrefix(name, "no bytes") {
			r = unpinned()
		}
		b.mustGet(t, r)
		if n := len(b.u[1].Requests()); n != 0 {
			t.Errorf("%s: the other was asked %d times", name, n)
		}
	}
}

// Where all stall, a body does not wander for ever.
func TestLeavingIsBounded(t *testing.T) {
	t.Parallel()
	b := realClock(t, 2, func(c *upstream.Config) { c.Timeouts.Idle = 1200 * time.Millisecond })
	b.sampled(t)
	for _, u := range b.u {
		u.Fail(path, faulty.Stall(70000).Always())
	}
	_, _, _ = b.get(t, whole()) // whole or broken, but it ends
	left := b.Status()[0].Left["stall"] + b.Status()[1].Left["stall"]
	if left == 0 || left > 3 {
		t.Errorf("left %d times", left)
	}
}

func TestTheFloor(t *testing.T) {
	t.Parallel()
	b := realClock(t, 2)
	b.sampled(t)
	for _, u := range b.u {
		u.Rate(20_000)
	}
	start := time.Now()
	body, err := b.Open(t.Context(), whole())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	slow, quick := 0, 1
	if body.Mirror == b.u[1].URL {
		slow, quick = 1, 0
	}
	b.u[quick].Rate(0)
	data, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(data, content) || len(body.Sources()) != 2 {
		t.Fatalf("%d bytes, %v, from %v", len(data), err, body.Sources())
	}
	if d := time.Since(start); d > 8*time.Second { // 10 s at its rate
		t.Errorf("took %v", d)
	}
	if s := b.Status()[slow]; s.Left["slow"] != 1 || s.State != upstream.Closed || !strings.Contains(s.LastError, "where "+b.u[quick].URL+" brings") {
		t.Errorf("%+v", s)
	}
}

// A reader that is slow leaves nobody.
func TestASlowReaderLeavesNobody(t *testing.T) {
	b := setUp(t, 2)
	b.sampled(t)
	quick := whole()
	quick.Mirror = b.u[1].URL
	b.read(t, quick, 1_000_000)
	b.read(t, whole(), 5_000) // 40 s on the group's clock
	if s := b.Status()[0]; len(s.Left) != 0 {
		t.Errorf("%+v", s)
	}
}
