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
	if err != nil || !bytes.Equal(data, content[r.Off:r.End]) || body.End() != r.End {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	if who, _ := body.Origin(); who != body.Mirror {
		t.Errorf("from %s, expected %s", who, body.Mirror)
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

// TestLanesUnderACap: where one connection brings what there may be, more of them only
// keep the reader waiting.
func TestLanesUnderACap(t *testing.T) {
	for rate, want := range map[int64]int{50_000: 1, 10_000_000: 2} {
		b := setUp(t, 2, func(c *upstream.Config) { c.Rate = rate })
		b.read(t, whole(), 100_000)
		if got := b.Lanes(64 << 20); got != want {
			t.Errorf("%d lanes under %d bytes/s, want %d: %+v", got, rate, want, b.Status())
		}
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

// TestALaneStays: what breaks ends it, however well others are; its part is asked for
// anew, where a connection is to spare.
func TestALaneStays(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faulty.Fault{"cut": faulty.Cut(70000), "reset": faulty.Reset(70000), "stall": faulty.Stall(70000)} {
		b := setUp(t, 2)
		b.sampled(t)
		b.u[0].Fail(path, fault)
		data, _, err := b.get(t, part(0, 150_000, upstream.Lane))
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(data, content[:len(data)]) {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
		asked(t, b.u[1])
		if n := len(b.u[0].Requests()); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
		b.idle(t)
	}
}

// TestLacks: who has not the file is asked for one part of it, not for each.
func TestLacks(t *testing.T) {
	b := setUp(t, 4)
	b.u[0].Remove(path)
	b.u[1].Set(path, content[:1000])
	b.u[2].Fail(path, faulty.IgnoreRange().Always())
	var lacks upstream.Lacks
	for _, kind := range []upstream.Part{upstream.Lead, upstream.Lane, upstream.Lane, upstream.Lead} {
		r := part(1000, 2000, kind)
		r.Lacks = &lacks
		b.part(t, r)
	}
	for i, u := range b.u[:3] {
		if n := len(u.Requests()); n != 1 {
			t.Errorf("%d was asked %d times", i, n)
		}
	}
	// A lead asks them where the others fail.
	b.u[3].Down()
	r := part(1000, 2000, upstream.Lead)
	r.Lacks = &lacks
	if _, err := b.Open(t.Context(), r); !errors.Is(err, upstream.ErrNoParts) {
		t.Error(err)
	}
}

// TestALaneThatIsTooLate: a mirror that would bring a part when another had brought
// all the rest is none for lanes, however quick it is then.
func TestALaneThatIsTooLate(t *testing.T) {
	const size = 1_000_000
	b := setUp(t, 2)
	b.takes(1, 3*time.Second)
	for _, u := range b.u {
		u.Set(path, random(size))
		b.read(t, upstream.Request{Path: file, Size: size, Pinned: true, Mirror: u.URL}, 100_000)
	}
	lane := func(off int64) error {
		body, err := b.Open(t.Context(), upstream.Request{
			Path: file, Off: off, End: off + 10_000, Size: size, Pinned: true, Part: upstream.Lane, Avoid: []string{b.u[0].URL},
		})
		if err == nil {
			body.Close()
		}
		return err
	}
	if err := lane(0); err != nil { // 10 s are left
		t.Error(err)
	}
	if err := lane(900_000); !errors.Is(err, upstream.ErrNoLane) { // 1 s is
		t.Error(err)
	}
}
