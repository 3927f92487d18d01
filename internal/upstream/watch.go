package upstream

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"
)

// A watch ends a request whose present phase takes too long. One timer serves
// all phases: connecting, waiting for the header, waiting for body bytes.
type watch struct {
	cancel context.CancelCauseFunc

	mu    sync.Mutex // guards all below
	timer *time.Timer
	due   time.Time // zero while nothing is waited for
	phase string
	after time.Duration
}

func newWatch(cancel context.CancelCauseFunc) *watch { return &watch{cancel: cancel} }

// arm gives the phase that starts now so much time.
func (w *watch) arm(phase string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase, w.after, w.due = phase, d, time.Now().Add(d)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.fire)
		return
	}
	w.timer.Reset(d)
}

func (w *watch) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.due = time.Time{}
	if w.timer != nil {
		w.timer.Stop()
	}
}

// fire can be late for a phase that is over; only what is due now counts.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.due.IsZero() && !time.Now().Before(w.due) {
		w.cancel(&timeoutError{w.phase, w.after})
	}
}

// trace arms the watch as a request goes from phase to phase, anew for each
// redirect.
func (w *watch) trace(ctx context.Context, t Timeouts) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.arm("no connection", t.Connect) },
		GotConn: func(httptrace.GotConnInfo) { w.arm("no answer", t.Header) },
	})
}
