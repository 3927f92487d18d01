package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cenkalti/backoff/v5"
)

// A body that got no byte out of so many new connections is given up.
const fruitlessMost = 5

// A mirror that cuts every answer after a crumb would be asked hundreds of times
// for one file: after so many in a row the body is given up too.
const (
	crumbsMost = 20
	crumbsSame = 3        // then other mirrors are asked first: one that stalls is a long wait each time
	crumb      = 32 << 10 // bytes
)

// A resumption is the attempts since the last byte came: the mirror that broke
// first, at once and whatever its breaker says, then the others, then all
// again with pauses. A mirror that was left comes last.
type resumption struct {
	r       Request
	broken  *mirror
	order   []*mirror
	next    int // attempts made or passed over
	made    int
	dead    map[*mirror]bool // hung, or has not what is needed
	counted map[*mirror]bool // its failure counted already
	pause   *backoff.ExponentialBackOff
	changed error // who offered another version
	last    error
}

func (b *Body) newResumption(broken *mirror, left bool) *resumption {
	run := &resumption{r: b.r, broken: broken, dead: map[*mirror]bool{}, counted: map[*mirror]bool{}, pause: pauses()}
	if b.r.Part == Lane {
		return run // what it leaves another lane brings, on a connection that is to spare
	}
	last := left || b.crumbs > crumbsSame
	if !last {
		run.order = append(run.order, broken)
	}
	for _, m := range b.g.chosen(http.MethodGet, b.r) {
		if m != broken && b.joins(m) {
			run.order = append(run.order, m)
		}
	}
	if last {
		run.order = append(run.order, broken)
	}
	run.dead[broken] = !b.joins(broken)
	return run
}

// spliceable: the caller's digest check covers bytes of any mirror.
func (b *Body) spliceable() bool { return b.r.Pinned && b.size >= 0 }

// joins says whether bytes of m can be proved to continue those delivered.
func (b *Body) joins(m *mirror) bool {
	return b.spliceable() || b.Validator.ifRange(m.label == b.Mirror) != ""
}

// resume reopens the body at its next byte. nil: it goes on.
func (b *Body) resume(x *exchange, cause error) error {
	x.tally()
	x.close()
	if b.crumbs++; b.pos-b.since >= crumb {
		b.crumbs = 0
	}
	b.since = b.pos
	if b.crumbs > crumbsMost {
		return &BrokenError{b.g.name, x.m.label, b.pos, cause}
	}
	left := isLeft(cause)
	if b.run == nil {
		b.run = b.newResumption(x.m, left)
	}
	b.run.last = cause
	if !left {
		b.run.count(x.m, x.bytes == 0 || isTimeout(cause), false, cause)
	}
	failed := x.m
	for b.run.made < fruitlessMost {
		m, probe, err := b.nextMirror(b.run)
		if err != nil {
			return b.gone()
		}
		if m == nil {
			break
		}
		next, err := b.reopen(m)
		if b.ctx.Err() != nil {
			m.breaker.left(probe)
			closeAny(next)
			return b.gone()
		}
		if err == nil {
			m.breaker.answered()
			if b.swap(next) {
				return nil
			}
			next.close()
			return http.ErrBodyReadAfterClose
		}
		failed = m
		b.run.note(m, probe, err)
	}
	err := b.run.last
	if b.run.changed != nil {
		err = b.run.changed
		if b.r.Pinned && b.r.Size < 0 { // that size was nobody's word but the first mirror's
			b.g.Blame(b.Mirror, err)
		}
	}
	return &BrokenError{b.g.name, failed.label, b.pos, err}
}

// nextMirror picks who is asked next and waits where a new turn begins; nil
// when nobody is left. The error is the context's end.
func (b *Body) nextMirror(run *resumption) (_ *mirror, probe bool, _ error) {
	newTurn := false
	for range run.order {
		i := run.next % len(run.order)
		newTurn = newTurn || i == 0 && run.next > 0
		run.next++
		m := run.order[i]
		if run.dead[m] {
			continue
		}
		if m != run.broken {
			ok := false
			if ok, probe = m.breaker.allow(); !ok {
				continue
			}
		}
		run.made++
		if !newTurn {
			return m, probe, nil
		}
		wait := max(run.pause.NextBackOff(), min(restAsked(run.last), retryInLine))
		if err := b.g.t.sleep(b.ctx, wait); err != nil {
			m.breaker.left(probe)
			return nil, false, err
		}
		return m, probe, nil
	}
	return nil, false, nil
}

// note books a failed attempt.
func (run *resumption) note(m *mirror, probe bool, err error) {
	run.last = err
	if sound(err) {
		run.dead[m] = true
		var size *MismatchError
		if errors.As(err, &size) || errors.Is(err, ErrChanged) {
			run.changed = ErrChanged
		}
		m.breaker.worked()
		return
	}
	run.dead[m] = !repeatable(err)
	run.count(m, true, probe, err)
}

// count has the breaker of m note a failure. However many attempts one body
// makes in a row, they are one failure of the mirror.
func (run *resumption) count(m *mirror, fails, probe bool, err error) {
	if run.r.blameless(err) {
		m.breaker.left(probe)
		return
	}
	m.meter.outcome(true)
	if !fails || run.counted[m] && !probe {
		m.breaker.again(err)
		return
	}
	m.breaker.failed(err, probe)
	run.counted[m] = true
}

// reopen asks m for the rest, and makes sure that it is the rest.
func (b *Body) reopen(m *mirror) (*exchange, error) {
	r := Request{
		Path: b.r.Path, Off: b.pos, End: b.r.End, Size: b.size, Pinned: b.spliceable(),
		Query: b.r.Query, Accept: b.r.Accept, Scope: b.r.Scope, As: b.r.As,
	}
	if !r.Pinned {
		r.Held, r.HeldFrom = b.Validator, b.Mirror
	}
	x, err := b.g.ask(b.ctx, m, http.MethodGet, r, 0)
	if err != nil {
		return nil, err
	}
	if err := b.align(x, r.Pinned); err != nil {
		x.close()
		return nil, err
	}
	if b.size < 0 {
		b.size = x.info.Size
	}
	return x, nil
}

// align brings a new exchange to the next byte, or says why it cannot.
func (b *Body) align(x *exchange, pinned bool) error {
	sameFile := pinned || b.Validator.equal(x.info.Validator, x.m.label == b.Mirror)
	switch {
	case x.info.Off == b.pos && (b.pos > 0 || sameFile):
		return nil
	case x.info.Off != 0 || !pinned:
		return ErrChanged
	}
	_, err := io.CopyN(io.Discard, readerFunc(func(p []byte) (int, error) { return b.skip(x, p) }), b.pos)
	if err != nil {
		if cause := context.Cause(x.ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("the range was ignored, and broke off before byte %d: %w", b.pos, err)
	}
	x.bytes = 0
	return nil
}

// skip reads bytes that are there already. They count for the cap.
func (b *Body) skip(x *exchange, p []byte) (int, error) {
	n, err := x.read(p)
	if capped := b.g.allowance(b.ctx, n); capped != nil {
		return n, capped
	}
	return n, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func closeAny(x *exchange) {
	if x != nil {
		x.close()
	}
}
