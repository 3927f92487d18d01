package upstream

import (
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// A mirror that sends nothing for this long is left, where another is known
	// to answer within quickFirst. Without such a one it has the idle time-out.
	stallAfter = time.Second
	quickFirst = 500 * time.Millisecond
	// One that brings less than this part of what the best other is expected to
	// bring, for floorFor, is left too.
	floorShare = 0.25
	floorFor   = 3 * time.Second
	// ... where the rest would come so much sooner from there.
	floorGain = 2.0
	// A body changes its mirror for such reasons so often; then only what breaks
	// counts. So two slow mirrors do not play ball with it.
	leavesMost = 3
)

// Reasons for taking something from a mirror, as metrics label them.
const (
	leftStall = "stall"
	leftSlow  = "slow"
	leftWrong = "wrong"
)

// A leftError is why a body was taken from a mirror that still had it open.
type leftError struct {
	reason string
	text   string
}

func (e *leftError) Error() string { return e.text }

func isLeft(err error) bool {
	var left *leftError
	return errors.As(err, &left)
}

// An alternative is another mirror that a body could go on from.
type alternative struct {
	label string
	first float64 // seconds
	rate  float64 // bytes a second that one more body is expected to get, 0 unknown
}

// alternatives are the mirrors besides x's that are well, answered lately and
// can go on with b's bytes.
func (b *Body) alternatives(x *exchange) (all []alternative) {
	if len(b.g.mirrors()) < 2 || x.m.hub || b.r.Mirror != "" || b.leaves >= leavesMost {
		return nil
	}
	for _, m := range b.g.mirrors() {
		if m == x.m || !b.joins(m) || m.breaker.suspect() {
			continue
		}
		if s, _ := m.breaker.state(); s != Closed {
			continue
		}
		if first, rate, ok := m.meter.promise(); ok {
			all = append(all, alternative{m.label, first, rate})
		}
	}
	return all
}

// promise is what one more body may expect; ok is false where the mirror did not
// answer of late.
func (t *meter) promise() (first, rate float64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ok = t.first.known && t.now().Sub(t.used) <= measuredFor
	return t.first.value, t.rate() / float64(t.active+1), ok
}

// read is one Read of x, which may end with a leftError in place of what went
// on too long.
func (b *Body) read(x *exchange, p []byte) (int, error) {
	others := b.alternatives(x)
	limit := x.idle
	for _, o := range others {
		if o.first <= quickFirst.Seconds() {
			limit = min(limit, stallAfter)
		}
	}
	n, err := x.readWithin(b.clip(p), limit)
	var late *timeoutError
	switch {
	case limit < x.idle && errors.As(err, &late) && b.ctx.Err() == nil:
		err = b.leave(x, leftStall, fmt.Sprintf("no bytes for %v, while others answer", limit))
	case err == nil && n > 0:
		err = b.floor(x, others)
	}
	return n, err
}

// floor looks whether x has been too slow for too long.
func (b *Body) floor(x *exchange, others []alternative) error {
	w := x.full
	x.full = window{}
	if w.took == 0 {
		return nil
	}
	best := alternative{}
	for _, o := range others {
		if o.rate > best.rate {
			best = o
		}
	}
	if w.held || w.rate() >= floorShare*best.rate {
		x.slow = 0
		return nil
	}
	x.slow += w.took
	rest := math.Inf(1)
	if stop := b.stopAt(); stop >= 0 {
		rest = float64(stop - b.pos)
	}
	if x.slow < floorFor || rest < floorGain*w.rate()*(best.first+rest/best.rate) {
		return nil
	}
	return b.leave(x, leftSlow, fmt.Sprintf("%.0f bytes/s for %v, where %s brings %.0f",
		w.rate(), x.slow.Round(time.Second), best.label, best.rate))
}

// leave holds it against x's mirror that it is left, and words why.
func (b *Body) leave(x *exchange, reason, text string) error {
	b.leaves++
	err := &leftError{reason, text}
	x.m.leave(err)
	if reason == leftStall {
		x.m.meter.brought(x.pace.bytes, stallAfter, false)
		x.pace = pace{}
	}
	return err
}

// leave makes m the last choice for a while.
func (m *mirror) leave(err *leftError) {
	m.breaker.blame(err)
	m.meter.leave(err.reason)
}
