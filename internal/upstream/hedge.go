package upstream

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// An answer is late that takes so many times as long as the next mirror's do,
	// and at least hedgeLeast: a mirror's disk may have to wake.
	hedgeLate  = 3
	hedgeLeast = 300 * time.Millisecond
	// Hedges add at most this part to the requests; what is saved up of it lets
	// hedgeMost go at once. The first is free.
	hedgeShare = 0.05
	hedgeMost  = 5
)

// leftLate is the reason for which a request is taken from a mirror that another
// answered sooner, or a lane's part from one that kept it waiting.
const leftLate = "late"

// hedges is what of them is saved up.
type hedges struct {
	mu     sync.Mutex
	tokens float64 // guarded by mu
}

// earn counts a request.
func (h *hedges) earn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens = min(h.tokens+hedgeShare, hedgeMost)
}

func (h *hedges) take() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tokens < 1 {
		return false
	}
	h.tokens--
	return true
}

// A try is one request to one mirror within a hunt, and how it ended.
type try struct {
	m      *mirror
	probe  bool
	cancel context.CancelFunc
	x      *exchange
	err    error
}

// won: there is nothing better to wait for.
func (t *try) won() bool { return t.err == nil || errors.Is(t.err, ErrNotModified) }

// ask asks the i-th mirror and, where its answer is late, the next one too. What
// it returns is not booked yet; what failed beside it is.
func (h *hunt) ask(ctx context.Context, i int, probe bool, limit time.Duration) *try {
	m := h.mirrors[i]
	next := h.next(i)
	if next == nil {
		x, err := h.g.ask(ctx, m, h.method, h.r, limit)
		return &try{m: m, probe: probe, x: x, err: err}
	}
	ended := make(chan *try, 2)
	start, begun := time.Now(), 1
	first := h.begin(ctx, m, probe, limit, ended)
	var second *try
	timer := time.NewTimer(next.meter.hedgeAfter())
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			if ok, probe := h.hedge(next); ok {
				second = h.begin(ctx, next, probe, limit, ended)
				h.asked, begun = next, 2
			}
		case t := <-ended:
			begun--
			if begun == 0 {
				return t
			}
			if !t.won() && ctx.Err() == nil {
				h.note(t.m, t.probe, t.err)
				continue
			}
			loser := first
			if t == first {
				loser = second
			}
			loser.lose(ended)
			if t.won() && loser == first {
				first.m.meter.late(time.Since(start))
			}
			return t
		}
	}
}

// begin asks in a goroutine of its own; the try comes over ended.
func (h *hunt) begin(ctx context.Context, m *mirror, probe bool, limit time.Duration, ended chan<- *try) *try {
	ctx, cancel := context.WithCancel(ctx)
	t := &try{m: m, probe: probe, cancel: cancel}
	go func() {
		t.x, t.err = h.g.ask(ctx, m, h.method, h.r, limit)
		if t.x == nil {
			cancel()
		} else {
			release := t.x.release
			t.x.release = func() { release(); cancel() }
		}
		ended <- t
	}()
	return t
}

// lose gives a try up that is still under way.
func (t *try) lose(ended <-chan *try) {
	t.cancel()
	t.m.breaker.left(t.probe)
	go func() { // the request ends with its context
		closeAny((<-ended).x)
	}()
}

// next is who would be asked beside the i-th mirror: one that is well and known to
// answer. nil where hedging is not for this request.
func (h *hunt) next(i int) *mirror {
	if h.r.Part == Lane || !h.deadline.IsZero() || h.mirrors[i].hub {
		return nil
	}
	for _, m := range h.mirrors[i+1:] {
		if s, _ := m.breaker.state(); s == Closed && !h.settled[m] && !m.breaker.suspect() && m.meter.known() {
			return m
		}
	}
	return nil
}

// hedge says whether m may be asked too.
func (h *hunt) hedge(m *mirror) (ok, probe bool) {
	if !h.g.hedges.take() {
		return false, false
	}
	return m.breaker.allow()
}

// tooLate makes m the last choice for a while, which kept a lane waiting.
func (m *mirror) tooLate(err *timeoutError) {
	m.breaker.blame(err)
	m.meter.late(err.after)
}

func (t *meter) known() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first.known
}

// hedgeAfter is when another mirror's answer is late, by what this one takes.
func (t *meter) hedgeAfter() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(hedgeLeast, time.Duration(hedgeLate*t.first.value*float64(time.Second)))
}

// late notes that this mirror had not answered within d, and others bring the bytes. That can
// only make it slower.
func (t *meter) late(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := d.Seconds(); !t.first.known || s > t.first.value {
		t.first.add(s)
	}
	t.used = t.now()
	t.left[leftLate]++
}
