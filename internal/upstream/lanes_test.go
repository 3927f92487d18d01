package upstream_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func part(off, end int64, p upstream.Part) upstream.Request {
	return upstream.Request{Path: file, Off: off, End: end, Size: int64(len(content)), Pinned: true, Part: p}
}

func (b bench) part(t testing.TB, r upstream.Request) {
	t.Helper()
	data, body, err := b.get(t, r)
	if err != nil || !bytes.Equal(data, content[r.Off:r.End]) || body.End() != r.End || body.Origin() != body.Mirror {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
}

func TestLanes(t *testing.T) {
	const large = 64 << 20
	for _, c := range []struct{ mirrors, connections, want int }{
		{1, 0, 1}, {1, 3, 3}, {4, 1, 4}, {4, 4, 8}, {2, 9, 8},
	} {
		b := setUp(t, c.mirrors, func(cfg *upstream.Config) { cfg.Connections = c.connections })
		if got := b.Lanes(large); got != c.want {
			t.Errorf("%d mirrors, %d connections: %d lanes, want %d", c.mirrors, c.connections, got, c.want)
		}
		if got := b.Lanes(16<<20 - 1); got != 1 {
			t.Errorf("%d lanes for a small file", got)
		}
	}
	b := setUp(t, 4)
	b.u[1].Down()
	r := whole()
	for range 2 {
		r.Mirror = b.u[1].URL
		_, _, _ = b.get(t, r)
	}
	for i, rate := range map[int]int64{2: 1_000_000, 3: 20_000} {
		r.Mirror = b.u[i].URL
		b.read(t, r, rate)
	}
	b.Blame(b.u[0].URL, errors.New("wrong"))
	if got := b.Lanes(large); got != 1 {
		t.Errorf("%d lanes of one that lied, one that is down, one that is good and one under the floor", got)
	}
}

// TestALaneHasItsConnection: one at a time of each mirror, and another only where
// one is to spare.
func TestALaneHasItsConnection(t *testing.T) {
	b := setUp(t, 2)
	first, err := b.Open(t.Context(), part(0, 1000, upstream.Lead))
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Open(t.Context(), part(1000, 2000, upstream.Lane))
	if err != nil {
		t.Fatal(err)
	}
	if first.Mirror == second.Mirror {
		t.Error("two connections to one mirror")
	}
	if _, err := b.Open(t.Context(), part(2000, 3000, upstream.Lane)); !errors.Is(err, upstream.ErrNoLane) {
		t.Error(err)
	}
	if third, err := b.Open(t.Context(), part(2000, 3000, upstream.Lead)); err != nil {
		t.Error("a lead is refused: ", err)
	} else {
		third.Close()
	}
	second.Close()
	second.Close()
	b.part(t, part(2000, 3000, upstream.Lane))
	b.part(t, part(3000, 4000, upstream.Lane)) // it was given back
	first.Close()
	for _, s := range b.Status() {
		if s.Active != 0 {
			t.Errorf("%d bodies are left", s.Active)
		}
	}
}

// TestALaneTriesOnce: it goes to the next mirror without pauses, and a failure
// gives the connection back.
func TestALaneTriesOnce(t *testing.T) {
	b := setUp(t, 2)
	for _, u := range b.u {
		u.Fail(path, faulty.Status(500))
	}
	if _, err := b.Open(t.Context(), part(0, 1000, upstream.Lane)); !errors.Is(err, upstream.ErrNoLane) {
		t.Error(err)
	}
	if len(b.c.Slept()) != 0 || len(b.u[0].Requests()) != 1 || len(b.u[1].Requests()) != 1 {
		t.Errorf("slept %v, asked %q %q", b.c.Slept(), b.u[0].Lines(), b.u[1].Lines())
	}
	b.part(t, part(0, 1000, upstream.Lane))
	// A lane does not hang as long as others may.
	b.u[0].Fail(path, faulty.Hang().Always())
	start := time.Now()
	b.part(t, part(0, 1000, upstream.Lane))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestRangesIgnored(t *testing.T) {
	b := setUp(t, 2)
	b.u[0].Fail(path, faulty.IgnoreRange().Always())
	b.part(t, part(1000, 2000, upstream.Lane))
	b.part(t, part(3000, 4000, upstream.Lead))
	asked(t, b.u[0], "GET "+path+" bytes=1000-1999 -> 200")
	if b.Lanes(64<<20) != 1 {
		t.Error("a lane for who ignores ranges")
	}
	b.u[1].Fail(path, faulty.IgnoreRange().Always())
	if _, err := b.Open(t.Context(), part(3000, 4000, upstream.Lead)); !errors.Is(err, upstream.ErrNoParts) {
		t.Error(err)
	}
	body, err := b.Open(t.Context(), part(0, 1000, upstream.Lead))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || !bytes.Equal(data, content) || body.End() != int64(len(content)) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if s := b.Status()[0]; s.Failures != 0 || s.State != upstream.Closed {
		t.Errorf("%+v", s)
	}
}

// TestRangesElsewhere: where the one that serves ranges fails, the other is known at
// once to have the file as a whole. 416 within the file is such an answer too.
func TestRangesElsewhere(t *testing.T) {
	for name, fault := range map[string]faulty.Fault{"200": faulty.IgnoreRange().Always(), "416": faulty.Status(416).Always()} {
		b := setUp(t, 2)
		b.u[0].Down()
		b.u[1].Fail(path, fault)
		if _, err := b.Open(t.Context(), part(3000, 4000, upstream.Lead)); !errors.Is(err, upstream.ErrNoParts) {
			t.Errorf("%s: %v", name, err)
		}
		if slept := b.c.Slept(); len(slept) != 0 {
			t.Errorf("%s: slept %v", name, slept)
		}
		asked(t, b.u[1], "GET "+path+" bytes=3000-3999 -> "+name)
	}
	b := setUp(t, 1)
	b.u[0].Set(path, content[:2000])
	var size *upstream.MismatchError
	if _, err := b.Open(t.Context(), part(3000, 4000, upstream.Lead)); !errors.As(err, &size) || size.Got != 2000 {
		t.Errorf("a shorter file: %v", err)
	}
}

func TestAvoid(t *testing.T) {
	b := setUp(t, 2)
	r := part(0, 1000, upstream.Lead)
	r.Avoid = []string{b.u[0].URL}
	b.u[1].Fail(path, faulty.Cut(10))
	b.part(t, r)
	asked(t, b.u[0])
	r.Part = upstream.Lane
	b.part(t, r)
	asked(t, b.u[0])
}
