package upstream_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// again is another repository of the same process at the same servers.
func (b bench) again(t testing.TB, connections int, at ...int) bench {
	cfg := upstream.Config{Name: "other", Connections: connections}
	for _, i := range at {
		cfg.Mirrors = append(cfg.Mirrors, parse(t, b.u[i].URL))
	}
	b.Group = upstream.NewGroup(cfg, b.t)
	return b
}

func (b bench) open(t testing.TB, r upstream.Request) *upstream.Body {
	t.Helper()
	body, err := b.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { body.Close() })
	return body
}

// TestAHostIsShared: what one repository has under way at a host leaves another that
// much less for lanes; a lead goes all the same, and nobody waits.
func TestAHostIsShared(t *testing.T) {
	one := setUp(t, 2, func(c *upstream.Config) { c.Connections = 2 })
	two := one.again(t, 2, 0)
	lane := func(off int64) upstream.Request { return part(off, off+1000, upstream.Lane) }
	first := one.open(t, upstream.Request{Path: file, Size: -1, Mirror: one.u[0].URL}) // any body counts
	second := two.open(t, lane(0))
	if _, err := two.Open(t.Context(), lane(1000)); !errors.Is(err, upstream.ErrNoLane) {
		t.Errorf("a third body at the host: %v", err)
	}
	two.open(t, part(1000, 2000, upstream.Lead)).Close()
	if body := one.open(t, lane(2000)); body.Mirror != one.u[1].URL {
		t.Error("a third body at the host, for the repository of the first")
	}
	// A lead that has the choice takes no lane's place.
	if body := one.open(t, part(2000, 3000, upstream.Lead)); body.Mirror != one.u[1].URL {
		t.Error("a lead is one too many where it need not be")
	}
	first.Close()
	third := two.open(t, lane(1000))
	third.Close()
	second.Close()
	// Two trees on one host have its connections together.
	trees := one.again(t, 2, 0, 0)
	if n := trees.Lanes(64 << 20); n != 2 {
		t.Errorf("%d lanes at one host", n)
	}
}

// TestAHostBehindRedirects: mirrors that send lanes on to one host share its
// connections.
func TestAHostBehindRedirects(t *testing.T) {
	b := setUp(t, 4)
	for _, u := range b.u[:3] {
		u.Fail(path, faulty.Redirect(b.u[3].URL+path).Always())
	}
	var lacks upstream.Lacks
	lane := func(off int64) error {
		r := part(off, off+1000, upstream.Lane)
		r.Lacks = &lacks
		body, err := b.Open(t.Context(), r)
		if err == nil {
			t.Cleanup(func() { body.Close() })
		}
		return err
	}
	lead := b.open(t, part(0, 1000, upstream.Lead))
	for range 3 {
		if err := lane(1000); !errors.Is(err, upstream.ErrNoLane) {
			t.Error(err)
		}
	}
	for i, u := range b.u[:3] {
		if n := len(u.Requests()); n != 1 {
			t.Errorf("%d was asked %d times", i, n)
		}
	}
	for i, s := range b.Status() {
		if s.Failures != 0 || s.Active > 1 {
			t.Errorf("%d: %+v", i, s)
		}
	}
	lead.Close()
	if err := lane(1000); err != nil {
		t.Error(err)
	}
}

// TestALaneIsNotWaitedForLong: a mirror that keeps a lane waiting is the last choice
// for a while, and no more: to others it may answer.
func TestALaneIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	b := setUp(t, 2)
	b.u[0].Fail(path, faulty.Delay(1500*time.Millisecond).Always())
	b.part(t, part(0, 1000, upstream.Lane))
	s := b.Status()[0]
	if s.State != upstream.Closed || s.Failures != 0 || s.Errors != 0 || s.Left["late"] != 1 || s.FirstByte != time.Second {
		t.Errorf("%+v", s)
	}
	b.forget()
	b.part(t, part(0, 1000, upstream.Lane))
	asked(t, b.u[0])
	b.u[1].Down()
	b.mustGet(t, whole())
}

// TestTooManyConnections: a host that refuses one more while lanes are under way has
// fewer of them for a while, and is not shut for it.
func TestTooManyConnections(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		b := setUp(t, 1, func(c *upstream.Config) { c.Connections = 4 })
		refuse := func() { b.u[0].Fail(path, faulty.Status(code, "Retry-After", "60")) }
		lane := func() error {
			body, err := b.Open(t.Context(), part(1000, 2000, upstream.Lane))
			if err == nil {
				t.Cleanup(func() { body.Close() })
			}
			return err
		}
		lead := b.open(t, part(0, 1000, upstream.Lead))
		if err := lane(); err != nil {
			t.Fatal(err)
		}
		refuse()
		for range 3 {
			if err := lane(); !errors.Is(err, upstream.ErrNoLane) {
				t.Error(err)
			}
		}
		refuse()
		if _, err := b.Open(t.Context(), whole()); !errors.Is(err, upstream.ErrUnavailable) {
			t.Error(err)
		}
		if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 || s.Errors != 0 || len(b.u[0].Requests()) != 4 {
			t.Errorf("%+v, asked %q", s, b.u[0].Lines())
		}
		lead.Close()
		if err := lane(); err != nil {
			t.Errorf("it bore two, and has one: %v", err)
		}
		b.c.Advance(11 * time.Minute)
		if err := lane(); err != nil {
			t.Errorf("after a while: %v", err)
		}
	}
	// What is refused without lanes is the mirror's failure.
	b := setUp(t, 1)
	b.open(t, part(0, 1000, upstream.Lead))
	b.u[0].Fail(path, faulty.Status(503).Always())
	_, _, _ = b.get(t, whole())
	if s := b.Status()[0]; s.Failures != 1 {
		t.Errorf("%+v", s)
	}
}

// TestSeatsAreGivenBack: whatever becomes of a question, nothing is left of it.
func TestSeatsAreGivenBack(t *testing.T) {
	for name, fault := range map[string]faulty.Fault{
		"500": faulty.Status(500), "404": faulty.Status(404), "drop": faulty.Drop(), "redirect": faulty.Redirect("http://192.0.2.1/"),
		"cut": faulty.Cut(10), "gzip": faulty.Gzip(), "304": faulty.Status(304),
	} {
		for _, r := range []upstream.Request{whole(), part(0, 1000, upstream.Lead), part(0, 1000, upstream.Lane)} {
			b := setUp(t, 2)
			b.u[0].Fail(path, fault.Always())
			_, _, _ = b.get(t, r)
			_, _ = b.Head(t.Context(), whole())
			b.idle(t)
			if n := upstream.Hosts(b.t); n != 0 {
				t.Errorf("%s: %d hosts are left", name, n)
			}
		}
	}
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Hang().Always())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx, part(0, 1000, upstream.Lane)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	b.idle(t)
}
