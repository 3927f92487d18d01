package upstream_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// TestRate: all bodies of a group share its cap.
func TestRate(t *testing.T) {
	t.Parallel()
	b := realClock(t, 2, func(c *upstream.Config) { c.Rate = 400_000 })
	start := time.Now()
	done := make(chan error)
	for range 3 {
		go func() {
			body, err := b.Open(t.Context(), whole())
			if err == nil {
				_, err = io.Copy(io.Discard, body)
				body.Close()
			}
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	// 600,000 bytes, of which 128 KiB pass at once.
	if d := time.Since(start); d < 1100*time.Millisecond {
		t.Errorf("took %v", d)
	}
	for _, s := range b.Status() {
		if s.Throughput > 0 && s.Throughput < 100_000 {
			t.Errorf("the cap was measured for the mirror: %.0f", s.Throughput)
		}
	}
}

// TestRateEndsWithTheCaller: who leaves does not wait for the cap.
func TestRateEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	b := realClock(t, 1, func(c *upstream.Config) { c.Rate = 1 << 10 })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	body, err := b.Open(ctx, whole())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.Copy(io.Discard, body); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestRateOfWhatIsSkipped: bytes that a mirror sends again, because it ignores the
// range of a resume, count as well.
func TestRateOfWhatIsSkipped(t *testing.T) {
	t.Parallel()
	b := realClock(t, 1, func(c *upstream.Config) { c.Rate = 400_000 })
	b.u[0].Fail(path, faulty.Cut(180_000), faulty.IgnoreRange())
	start := time.Now()
	b.mustGet(t, whole())
	// 380,000 bytes, of which 128 KiB pass at once.
	if d := time.Since(start); d < 550*time.Millisecond {
		t.Errorf("took %v", d)
	}
}
