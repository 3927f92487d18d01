package upstream_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestBreakerOpensAndProbes(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Status(500).Always())
	fail := func(requests int) {
		t.Helper()
		b.u[0].Forget()
		if _, _, err := b.get(t, whole()); !errors.Is(err, upstream.ErrUnavailable) {
			t.Fatal(err)
		}
		if n := len(b.u[0].Requests()); n != requests {
			t.Fatalf("%d requests, want %d", n, requests)
		}
	}
	fail(3) // one call is one failure
	if _, down := b.Down(); down {
		t.Fatal("open after one")
	}
	fail(1) // the second in a row
	cool := time.Second
	for range 8 {
		until, down := b.Down()
		left := until.Sub(b.c.Now())
		if !down || left < cool*8/10 || left > cool*12/10 {
			t.Fatalf("down %v for %v, want about %v", down, left, cool)
		}
		b.c.Advance(left - time.Millisecond)
		fail(0)
		b.c.Advance(time.Millisecond)
		if s := b.Status()[0]; s.State != upstream.HalfOpen {
			t.Fatalf("%+v", s)
		}
		fail(1) // the probe
		cool = min(2*cool, time.Minute)
	}
	b.u[0].Heal(path)
	b.c.Advance(2 * time.Minute)
	b.mustGet(t, whole())
	if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 || s.LastError == "" {
		t.Errorf("%+v", s)
	}
	b.u[0].Fail(path, faulty.Status(500).Times(4))
	fail(3)
	fail(1)
	if until, _ := b.Down(); until.Sub(b.c.Now()) > 2*time.Second {
		t.Error("the cool-down was not forgotten")
	}
}

func TestOneProbeAtATime(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Status(500).Times(4))
	for range 2 {
		_, _, _ = b.get(t, whole())
	}
	b.c.Advance(5 * time.Second)
	b.u[0].Forget()
	b.u[0].Fail(path, faulty.Hang())
	probe := make(chan error)
	go func() {
		_, _, err := b.get(t, whole())
		probe <- err
	}()
	for len(b.u[0].Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, _, err := b.get(t, whole()); !errors.Is(err, upstream.ErrUnavailable) {
		t.Error(err)
	}
	b.u[0].Release()
	if err := <-probe; err != nil {
		t.Error(err)
	}
	asked(t, b.u[0], "GET "+path+" -> 200")
	if _, down := b.Down(); down {
		t.Error("a good probe leaves the breaker open")
	}
}

func TestMissingFilesAreNoFailure(t *testing.T) {
	b := setUp(t, 1)
	for range 5 {
		_, _, _ = b.get(t, upstream.Request{Path: "none", Size: -1})
	}
	if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 || s.LastError != "" {
		t.Errorf("%+v", s)
	}
}

func TestBlame(t *testing.T) {
	b := setUp(t, 2)
	b.mustGet(t, whole())
	b.Blame(b.u[0].URL, errors.New("digest differs"))
	if got := b.Mirrors(); !slices.Equal(got, []string{b.u[1].URL, b.u[0].URL}) {
		t.Error(got)
	}
	b.mustGet(t, whole())
	asked(t, b.u[1], "GET "+path+" -> 200")
	if s := b.Status()[0]; s.LastError != "digest differs" {
		t.Errorf("%+v", s)
	}
	// It is the last choice, not out of the question.
	b.u[1].Down()
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 200", "GET "+path+" -> 200")
	b.u[1].Up()
	b.c.Advance(2 * time.Second)
	if got := b.Mirrors(); got[0] != b.u[0].URL {
		t.Errorf("still held against it: %q", got)
	}
	b.Blame(b.u[0].URL, errors.New("digest differs")) // again: for longer
	b.c.Advance(1500 * time.Millisecond)
	if got := b.Mirrors(); got[0] == b.u[0].URL {
		t.Errorf("forgiven too soon: %q", got)
	}
}
