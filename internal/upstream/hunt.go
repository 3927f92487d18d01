package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	rounds     = 3
	roundFirst = 200 * time.Millisecond // a mirror's reload takes less
	roundMost  = 600 * time.Millisecond // a client waits in line
	// A Retry-After up to this is waited out in line.
	retryInLine = 5 * time.Second
)

// pauses are the waits between rounds, spread so that callers who failed
// together do not return together.
func pauses() *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{
		InitialInterval: roundFirst, MaxInterval: roundMost, Multiplier: 3, RandomizationFactor: 0.3,
	}
	b.Reset()
	return b
}

// A hunt is one Open or Head on its way from mirror to mirror.
type hunt struct {
	g        *Group
	r        Request
	method   string
	mirrors  []*mirror
	deadline time.Time         // of r.Patience, zero none
	settled  map[*mirror]bool  // not to be asked again in this call
	counted  map[*mirror]bool  // its failure counted already
	errs     map[*mirror]error // the last of each
	asked    *mirror           // beside another in this round
	wait     time.Duration     // the longest in-line Retry-After of this round
}

func (g *Group) hunt(ctx context.Context, method string, r Request) (*exchange, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := g.Ready(ctx, r.Path); err != nil {
		return nil, err
	}
	h := &hunt{
		g: g, r: r, method: method, mirrors: g.withTry(g.chosen(method, r), r),
		settled: map[*mirror]bool{}, counted: map[*mirror]bool{}, errs: map[*mirror]error{},
	}
	if r.As != nil && !r.As.sendable() {
		return nil, &StatusError{Repo: g.name, Mirror: "mirrord", Code: http.StatusUnauthorized}
	}
	if len(h.mirrors) == 0 && r.Part == Lane {
		return nil, ErrNoLane
	}
	if len(h.mirrors) == 0 {
		return nil, g.unknownMirror(r.Mirror)
	}
	for _, m := range h.mirrors {
		if err := g.limited(m, r); err != nil {
			h.errs[m], h.settled[m] = err, true
		}
	}
	if r.Patience > 0 {
		h.deadline = g.t.now().Add(r.Patience)
	}
	if r.Part == Lane {
		return h.lane(ctx)
	}
	g.hedges.earn()
	pause := pauses()
	for n := range rounds {
		if x, err := h.round(ctx); x != nil || err != nil {
			return x, err
		}
		wait := max(pause.NextBackOff(), h.wait)
		if n == rounds-1 || !h.worthAnotherRound(wait) {
			break
		}
		if err := g.t.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	h.limits()
	return nil, h.verdict()
}

// limits notes which mirrors want this login to come later.
func (h *hunt) limits() {
	for m, err := range h.errs {
		if h.r.overLimit(err) && !isCooling(err) {
			h.g.limit(m, h.r, err)
		}
	}
}

// round asks each mirror that is left once. Both results nil: none had it.
func (h *hunt) round(ctx context.Context) (*exchange, error) {
	h.wait, h.asked = 0, nil
	for i, m := range h.mirrors {
		if h.settled[m] || m == h.asked {
			continue
		}
		limit, inTime := h.share(i)
		if h.r.Part == Lane {
			limit = m.meter.laneLimit()
		}
		if !inTime {
			break
		}
		ok, probe := m.breaker.allow()
		if !ok {
			if h.errs[m] == nil {
				h.errs[m] = m.breaker.cooling()
			}
			continue
		}
		t := h.ask(ctx, i, probe, limit)
		if ctx.Err() != nil {
			t.m.breaker.left(t.probe)
			closeAny(t.x)
			return nil, context.Cause(ctx)
		}
		if t.err == nil {
			t.m.breaker.answered()
			return t.x, nil
		}
		if errors.Is(t.err, ErrNotModified) {
			t.m.breaker.worked()
			return nil, t.err
		}
		h.note(t.m, t.probe, t.err)
	}
	return nil, nil
}

// lane asks each mirror that has a connection to spare, once.
func (h *hunt) lane(ctx context.Context) (*exchange, error) {
	all := h.mirrors
	for _, m := range all {
		if h.r.seat = h.g.seize(m); h.r.seat == nil {
			continue
		}
		h.mirrors = []*mirror{m}
		x, err := h.round(ctx)
		if x != nil {
			return x, nil
		}
		h.r.seat() // it may not have been asked
		if err != nil {
			return nil, err
		}
	}
	h.limits()
	return nil, ErrNoLane
}

// share is the time the i-th mirror may take: what is left of the patience,
// divided among those that are left to ask in this round. 0 is no limit.
func (h *hunt) share(i int) (limit time.Duration, inTime bool) {
	if h.deadline.IsZero() {
		return 0, true
	}
	left := 0
	for _, m := range h.mirrors[i:] {
		if s, _ := m.breaker.state(); s != Open && !h.settled[m] {
			left++
		}
	}
	limit = h.deadline.Sub(h.g.t.now()) / time.Duration(max(left, 1))
	return limit, limit > 0
}

// note books the failure of m: what it means for the breaker, and whether m
// may be asked again in this call.
func (h *hunt) note(m *mirror, probe bool, err error) {
	h.errs[m] = err
	if sound(err) {
		m.breaker.worked()
		h.settled[m] = true
		h.r.Lacks.add(m.label, h.r.Path)
		return
	}
	var late *timeoutError
	if h.r.Part == Lane && errors.As(err, &late) { // it may still answer those who give it more time
		m.breaker.left(probe)
		m.tooLate(late)
		h.settled[m] = true
		return
	}
	wait := restAsked(err)
	long := wait > retryInLine
	h.settled[m] = long || !repeatable(err)
	if !long {
		h.wait = max(h.wait, wait)
	}
	if h.r.blameless(err) {
		m.breaker.left(probe)
		return
	}
	m.meter.outcome(true)
	switch {
	case h.counted[m] && !probe:
		m.breaker.again(err)
	default:
		m.breaker.failed(err, probe)
	}
	h.counted[m] = true
	if long {
		m.breaker.rest(wait, err)
	}
}

// sound: the mirror works, it only has not what was asked for.
func sound(err error) bool {
	var s *StatusError
	var size *MismatchError
	if errors.As(err, &s) {
		return s.Code < 500 && s.Code != http.StatusTooManyRequests && s.Code != http.StatusRequestTimeout
	}
	return errors.As(err, &size) || errors.Is(err, ErrChanged) || errors.Is(err, errIgnored) || errors.Is(err, errElsewhere)
}

// repeatable: asking again soon may help. Who hung once would hang again.
func repeatable(err error) bool {
	var bad answerError
	var refused refusedError
	return !isTimeout(err) && !errors.As(err, &bad) && !errors.As(err, &refused)
}

// restAsked is the Retry-After of a mirror that wants to be left alone.
func restAsked(err error) time.Duration {
	var s *StatusError
	if errors.As(err, &s) && busy(s.Code) {
		return s.RetryAfter
	}
	return 0
}

// worthAnotherRound: some mirror failed in a way that may pass, and may still
// be asked after the wait.
func (h *hunt) worthAnotherRound(wait time.Duration) bool {
	if !h.deadline.IsZero() && !h.g.t.now().Add(wait).Before(h.deadline) {
		return false
	}
	passing := false
	for _, m := range h.mirrors {
		if errors.Is(h.errs[m], errIgnored) {
			return false // there it can be had as a whole
		}
		s, _ := m.breaker.state()
		passing = passing || s == Closed && !h.settled[m]
	}
	return passing
}
