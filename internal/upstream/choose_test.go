package upstream_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// takes has every answer of a server come after d, on the group's clock.
func (b bench) takes(i int, d time.Duration) {
	b.u[i].Fail(faulty.All, faulty.Pass().Always().When(func(*http.Request) bool {
		b.c.Advance(d)
		return false // the answer itself is the right one
	}))
}

// sampled makes one request to each mirror, so that all are measured.
func (b bench) sampled(t testing.TB) {
	t.Helper()
	for _, u := range b.u {
		r := whole()
		r.Mirror = u.URL
		b.mustGet(t, r)
		u.Forget()
	}
}

func TestTheQuickestAnswers(t *testing.T) {
	b := setUp(t, 3)
	b.takes(0, 300*time.Millisecond)
	b.takes(1, 20*time.Millisecond)
	b.takes(2, 100*time.Millisecond)
	if first := b.mustGet(t, whole()).Mirror; first != b.u[0].URL {
		t.Errorf("%s without any measure, want the first configured", first)
	}
	b.sampled(t)
	for range 3 {
		b.mustGet(t, whole())
		if _, err := b.Head(t.Context(), whole()); err != nil {
			t.Fatal(err)
		}
	}
	asked(t, b.u[0])
	asked(t, b.u[2])
	if got, want := b.Mirrors(), []string{b.u[1].URL, b.u[2].URL, b.u[0].URL}; !slices.Equal(got, want) {
		t.Errorf("order of roots %v, want %v", got, want)
	}
	s := b.Status()[1]
	if s.FirstByte != 20*time.Millisecond || s.Errors != 0 || s.Used.IsZero() || s.Active != 0 {
		t.Errorf("%+v", s.Measure)
	}
}

// Noise must not overrule the configuration.
func TestThePriorHolds(t *testing.T) {
	b := setUp(t, 2)
	b.takes(0, 24*time.Millisecond)
	b.takes(1, 20*time.Millisecond)
	b.sampled(t)
	b.mustGet(t, whole())
	asked(t, b.u[1])
}

// read takes a body at so many bytes a second of the group's clock: the reader
// is what holds it up.
func (b bench) read(t testing.TB, r upstream.Request, bytesPerSecond int64) {
	t.Helper()
	body, err := b.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	for buf := make([]byte, 32<<10); ; {
		n, err := body.Read(buf)
		b.c.Advance(time.Duration(n) * time.Second / time.Duration(bytesPerSecond))
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A reader that is slow says nothing against the mirror, only what it can do at
// least.
func TestASlowReaderIsNoSlowMirror(t *testing.T) {
	b := setUp(t, 1)
	b.read(t, whole(), 100_000)
	least := b.Status()[0].Throughput
	if least < 90_000 || least > 250_000 {
		t.Fatalf("%.0f bytes/s after a reader of 100000", least)
	}
	b.read(t, whole(), 10_000)
	if got := b.Status()[0].Throughput; got != least {
		t.Errorf("%.0f bytes/s after a slower reader, was %.0f", got, least)
	}
	b.read(t, whole(), 1_000_000)
	if got := b.Status()[0].Throughput; got < least*1.1 {
		t.Errorf("%.0f bytes/s after a quicker reader, was %.0f", got, least)
	}
}

func TestLargeFilesGoByThroughput(t *testing.T) {
	b := setUp(t, 2)
	b.takes(0, 10*time.Millisecond)
	b.takes(1, 60*time.Millisecond)
	for i, rate := range []int64{50_000, 1_000_000} {
		r := whole()
		r.Mirror = b.u[i].URL
		b.read(t, r, rate)
		b.u[i].Forget()
	}
	b.mustGet(t, whole())
	asked(t, b.u[0])
	if _, err := b.Head(t.Context(), whole()); err != nil {
		t.Fatal(err)
	}
	asked(t, b.u[0], "HEAD "+path+" -> 200")
}

// What is under way at the best mirror sends the next one elsewhere.
func TestBodiesUnderWayShare(t *testing.T) {
	b := setUp(t, 2)
	for i, rate := range []int64{1_000_000, 800_000} {
		r := whole()
		r.Mirror = b.u[i].URL
		b.takes(i, time.Millisecond)
		b.read(t, r, rate)
		b.u[i].Forget()
	}
	var open []*upstream.Body
	for range 4 {
		body, err := b.Open(context.Background(), whole())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, body)
	}
	for i, s := range b.Status() {
		if s.Active != 2 {
			t.Errorf("mirror %d has %d bodies of 4", i, s.Active)
		}
	}
	for _, body := range open {
		body.Close()
		body.Close() // counts once
	}
	for _, s := range b.Status() {
		if s.Active != 0 {
			t.Errorf("%d bodies are left", s.Active)
		}
	}
}

// One request in twenty tries a mirror that was not measured lately, and where
// no digest judges none does.
func TestTries(t *testing.T) {
	b := setUp(t, 2)
	for range 40 {
		b.mustGet(t, unpinned())
	}
	asked(t, b.u[1])
	for range 60 {
		b.mustGet(t, whole())
	}
	asked(t, b.u[1], "GET "+path+" -> 200") // then it is measured
	b.c.Advance(time.Hour)
	for range 20 {
		b.mustGet(t, whole())
	}
	if n := len(b.u[1].Requests()); n != 2 {
		t.Errorf("%d tries, want another an hour later", n)
	}
}

func TestErrorsCost(t *testing.T) {
	b := setUp(t, 2)
	b.takes(0, 20*time.Millisecond)
	b.takes(1, 21*time.Millisecond)
	b.sampled(t)
	for range 6 {
		b.u[0].Fail(path, faulty.Cut(1000).When(func(*http.Request) bool {
			b.c.Advance(20 * time.Millisecond)
			return true
		}))
		b.mustGet(t, whole())
	}
	if b.Mirrors()[0] != b.u[1].URL || b.Status()[0].Errors == 0 {
		t.Errorf("%+v", b.Status()[0].Measure)
	}
}
