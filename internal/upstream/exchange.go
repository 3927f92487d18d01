package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// An exchange is one request that was answered soundly, and the stream behind
// the header.
type exchange struct {
	m     *mirror
	info  Info
	end   int64 // one past the last byte that this answer carries, -1 unknown
	bytes int64 // read so far

	version string // tells versions of the file at m apart, "" unknown

	ctx     context.Context // of this exchange; its cause tells a time-out from the caller's leaving
	watch   *watch
	idle    time.Duration
	body    io.ReadCloser
	release func() // what it counts for at its mirror; may be called again

	// The reader's.
	pace pace
	full window        // the last window, until floor has looked at it
	slow time.Duration // for so long it has been under the floor

}

// ask makes one request to one mirror. limit bounds it up to the header, on
// top of the group's time-outs; 0 is no limit. The breaker is not touched.
func (g *Group) ask(ctx context.Context, m *mirror, method string, r Request, limit time.Duration) (_ *exchange, err error) {
	defer func() { m.tally.answered(err) }()
	ctx, cancel := context.WithCancelCause(ctx)
	w := newWatch(cancel)
	if limit > 0 {
		patience := time.AfterFunc(limit, func() { cancel(&timeoutError{"no answer", limit}) })
		defer patience.Stop()
	}
	sent := r.header(r.HeldFrom == m.label)
	release := r.seat
	if release == nil {
		release = g.hold(m)
	}
	resp, err := g.answer(ctx, w, m, method, r, sent)
	if err != nil {
		release()
		cancel(nil)
		return nil, err
	}
	info, end, err := g.judge(m, method, r, sent, resp)
	if err == nil {
		release, err = g.elsewhere(m, r, resp, release)
	}
	if err != nil {
		w.arm("error body", drainFor)
		drain(resp)
		w.disarm()
		release()
		cancel(nil)
		return nil, err
	}
	m.meter.outcome(false)
	return &exchange{
		m: m, info: info, end: end, version: m.version(resp, info.Validator), ctx: ctx, watch: w,
		idle: g.timeouts.Idle, body: resp.Body, release: release,
	}, nil
}

// version tells one version of a file at m from another, as far as v does. Where a
// redirect led, the next one need not lead.
func (m *mirror) version(resp *http.Response, v Validator) string {
	switch {
	case !m.serves(resp.Request.URL):
		return ""
	case v.strongTag():
		return v.ETag
	}
	return v.LastModified
}

// read is one Read of the stream within the idle time-out, for what has no mirror
// to change to.
func (x *exchange) read(p []byte) (int, error) { return x.readWithin(p, x.idle) }

func (x *exchange) readWithin(p []byte, d time.Duration) (int, error) {
	x.watch.arm("no bytes", d)
	asked := x.m.meter.now()
	n, err := x.body.Read(p)
	x.watch.disarm()
	if w, ok := x.pace.add(asked, x.m.meter.now(), n); ok {
		x.m.meter.brought(w.bytes, w.took, w.held)
		x.full = w
	}
	x.bytes += int64(n)
	x.m.tally.received.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		err = reason(x.ctx, err)
	}
	return n, err
}

// tally measures what came since the last full window, at the end of reading.
func (x *exchange) tally() {
	if w, ok := x.pace.rest(x.m.meter.now()); ok {
		x.m.meter.brought(w.bytes, w.took, w.held)
	}
	x.pace = pace{}
}

// close may run beside a read, which then fails.
func (x *exchange) close() {
	x.release()
	x.watch.cancel(context.Canceled)
	x.watch.disarm()
	_ = x.body.Close() // of a stream that is only read: nothing to lose
}

// reason is why ctx ended, where that is what made err.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

const (
	// An error page up to this is read so that its connection can be kept.
	drainMost = 4 << 10
	drainFor  = time.Second
)

// drain finishes with an answer whose body is of no use.
func drain(resp *http.Response) {
	if resp.ContentLength <= drainMost {
		_, _ = io.CopyN(io.Discard, resp.Body, drainMost) // only the connection's reuse is at stake
	}
	_ = resp.Body.Close()
}
