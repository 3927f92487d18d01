package upstream

import (
	"context"

	"golang.org/x/time/rate"
)

// capBurst is what may pass at once under a cap, and so the most of one Read: 128
// KiB is what the callers read at a time.
const capBurst = 128 << 10

// newCap limits all bodies of a group together to so many bytes a second; nil, for
// 0, does not.
func newCap(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), capBurst)
}

// allowance waits until n bytes that have come are within the cap. That counts as
// the reader's time, not as the mirror's.
func (g *Group) allowance(ctx context.Context, n int) error {
	if g.cap == nil || n == 0 {
		return nil
	}
	now := g.t.now()
	wait := g.cap.ReserveN(now, n).DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	return g.t.sleep(ctx, wait)
}
