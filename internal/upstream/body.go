package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Body is the bytes of a Request as one stream, whatever connections and
// mirrors they come from. One goroutine reads; Close may come from another and
// ends a Read that waits. The fields stay as Open set them.
type Body struct {
	Info

	g      *Group
	r      Request
	ctx    context.Context // ends with the caller's or with Close
	cancel context.CancelFunc

	// The reader's own.
	pos    int64 // next byte to deliver
	size   int64 // Info.Size, or learned from a resume
	fault  error // why the present exchange broke, when that is not dealt with yet
	run    *resumption
	since  int64     // where the last resumption began
	crumbs int       // resumptions in a row that brought little
	last   *exchange // of the last Read, or the first
	leaves int       // mirrors left that had it open still
	end    error     // what Read says from now on, nil before the end

	mu      sync.Mutex // guards all below
	x       *exchange  // nil after Close
	sources []string
}

// After every announced byte is there, the end of a chunked body is waited
// for only this long: it proves nothing more.
const endFor = time.Second

func newBody(ctx context.Context, cancel context.CancelFunc, g *Group, r Request, x *exchange) *Body {
	if r.Part == Lead && (x.end < 0 || x.end > r.End) {
		r.End = 0 // Range was ignored
	}
	return &Body{
		Info: x.info, g: g, r: r, ctx: ctx, cancel: cancel,
		pos: x.info.Off, size: x.info.Size, x: x, last: x, sources: []string{x.m.label},
	}
}

// Sources lists the mirrors whose bytes are in what was read, for Blame.
func (b *Body) Sources() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sources)
}

// End is one past the last byte that Read delivers, -1 unknown.
func (b *Body) End() int64 { return b.stopAt() }

// Origin is the mirror of the bytes that the last Read brought, before the first
// that of those to come, and what tells the version of the file there, "" unknown.
func (b *Body) Origin() (mirror, version string) { return b.last.m.label, b.last.version }

// Close ends the transfer. It is safe at any time and more than once.
func (b *Body) Close() error {
	b.mu.Lock()
	x := b.x
	b.x = nil
	b.mu.Unlock()
	b.cancel()
	if x != nil {
		x.close()
	}
	return nil
}

// Read delivers the next bytes. io.EOF means that all bytes announced came
// (or, where Info.Framed is false and Size unknown, that the connection was
// closed). What breaks is resumed; what cannot be resumed ends with an error
// that is io.ErrUnexpectedEOF.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.end == nil {
		x := b.current()
		switch {
		case x == nil:
			return 0, http.ErrBodyReadAfterClose
		case b.fault != nil:
			cause := b.fault
			b.fault = nil
			b.end = b.resume(x, cause)
			continue
		case b.pos == b.stopAt():
			b.end = b.finish(x)
			continue
		}
		n, err := b.read(x, p)
		b.took(x, n)
		b.broke(x, err)
		if n > 0 {
			if err := b.g.allowance(b.ctx, n); err != nil {
				b.end = b.gone()
			}
			return n, nil
		}
	}
	return 0, b.end
}

func (b *Body) current() *exchange {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.x
}

// stopAt is one past the last byte to deliver, -1 for all that comes.
func (b *Body) stopAt() int64 {
	if b.r.End > 0 && (b.size < 0 || b.r.End < b.size) {
		return b.r.End
	}
	return b.size
}

func (b *Body) clip(p []byte) []byte {
	if b.g.cap != nil {
		p = p[:min(len(p), capBurst)]
	}
	if stop := b.stopAt(); stop >= 0 && int64(len(p)) > stop-b.pos {
		return p[:stop-b.pos]
	}
	return p
}

func (b *Body) took(x *exchange, n int) {
	if n == 0 {
		return
	}
	if x.bytes == int64(n) {
		x.m.breaker.worked()
	}
	b.pos += int64(n)
	b.last = x
	b.run = nil
}

// broke decides what an error of the exchange means: the end that was to
// come, the caller's leaving, or a fault for the next Read to mend.
func (b *Body) broke(x *exchange, err error) {
	switch {
	case err == nil:
	case b.ctx.Err() != nil:
		b.end = b.gone()
	case b.pos == b.stopAt(): // all is there; how it ended is finish's business
	case errors.Is(err, io.EOF) && b.mayEndHere(x):
		x.tally()
		b.end = io.EOF
	case errors.Is(err, io.EOF) && b.pos == x.end: // a shorter range than asked, honestly announced
		b.fault = io.ErrUnexpectedEOF
	default:
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		b.fault = err
	}
}

// mayEndHere: nothing says that more was to come.
func (b *Body) mayEndHere(x *exchange) bool {
	return b.size < 0 && (x.end < 0 || b.pos == x.end)
}

// gone is the error of a reader whose context ended or who closed.
func (b *Body) gone() error {
	if b.current() == nil {
		return http.ErrBodyReadAfterClose
	}
	return context.Cause(b.ctx)
}

// finish ends a body that is complete, after a look for bytes beyond the size
// where nothing but the mirror's word limits the answer.
func (b *Body) finish(x *exchange) error {
	x.tally()
	if x.end < 0 && b.pos == b.size {
		var extra [1]byte
		if n, _ := x.readWithin(extra[:], endFor); n > 0 {
			err := fmt.Errorf("sent more than the %d bytes expected", b.size)
			x.m.breaker.failed(err, false)
			x.close()
			return &BrokenError{b.g.name, x.m.label, b.pos, err}
		}
	}
	x.close()
	return io.EOF
}

// swap puts the next exchange in place, unless the body was closed.
func (b *Body) swap(x *exchange) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.x == nil {
		return false
	}
	b.x = x
	if !slices.Contains(b.sources, x.m.label) {
		b.sources = append(b.sources, x.m.label)
	}
	return true
}
