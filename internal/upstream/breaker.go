package upstream

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// A single refused connection can be a restart; a second is an outage.
	failuresToOpen = 2
	coolFirst      = time.Second
	coolMost       = time.Minute
	// Longer than this a mirror's Retry-After is not believed.
	retryAfterMost = 5 * time.Minute
	// A mirror is suspected of wrong bytes for this long after the last.
	blameMemory = 10 * time.Minute
	// Spreads the probes of several processes; small, so that the bounds
	// above stay true in spirit.
	coolJitter = 0.2
)

// A breaker keeps callers from a mirror that fails. Closed it lets everyone
// through; open nobody; when the cool-down is over, one probe.
type breaker struct {
	now func() time.Time

	mu         sync.Mutex // guards all below
	failures   int        // in a row
	openUntil  time.Time  // zero: closed
	probing    bool       // a probe is under way
	cool       *backoff.ExponentialBackOff
	blames     *backoff.ExponentialBackOff
	blamed     time.Time // when last
	lastChoice time.Time // until then others are asked first
	opened     error     // what the last opening was for
	lastErr    error
	lastAt     time.Time
}

func newBreaker(now func() time.Time) *breaker {
	return &breaker{now: now, cool: coolDown(), blames: coolDown()}
}

func coolDown() *backoff.ExponentialBackOff {
	b := &backoff.ExponentialBackOff{
		InitialInterval: coolFirst, MaxInterval: coolMost, Multiplier: 2, RandomizationFactor: coolJitter,
	}
	b.Reset()
	return b
}

// allow says whether a request may go to the mirror now, and whether it is
// the probe. The caller reports back by one of answered, failed and left.
func (b *breaker) allow() (ok, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.IsZero() {
		return true, false
	}
	if b.probing || b.now().Before(b.openUntil) {
		return false, false
	}
	b.probing = true
	return true, true
}

// answered: the mirror gave a sound header. That closes the breaker but
// forgets nothing: the next failure opens it again, for longer.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.openUntil.IsZero() && !b.now().Before(b.openUntil) {
		b.openUntil, b.failures = time.Time{}, failuresToOpen-1
	}
	b.probing = false
}

// worked: bytes came, or an answer that has none. All is forgiven.
func (b *breaker) worked() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.IsZero() || !b.now().Before(b.openUntil) {
		b.openUntil, b.failures, b.probing = time.Time{}, 0, false
		b.cool.Reset()
	}
}

// failed counts a failure. A timeout, a failed probe, or the second failure
// in a row opens the breaker.
func (b *breaker) failed(err error, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(err)
	b.failures++
	if probe {
		b.probing = false
	}
	if probe || isTimeout(err) || b.failures >= failuresToOpen {
		b.open(b.cool.NextBackOff(), err)
	}
}

// again notes a failure that counted already in the same call.
func (b *breaker) again(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(err)
}

// left: the caller went away before the mirror showed what it can.
func (b *breaker) left(probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
}

// rest opens the breaker for as long as the mirror asked for in err.
func (b *breaker) rest(d time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open(min(d, retryAfterMost), err)
}

// blame makes the mirror the last choice for a while because of what its bytes
// were. It is not shut out: a single file that is wrong, as on a mirror in the
// middle of its synchronisation, must not take the sound ones with it.
func (b *breaker) blame(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now().Sub(b.blamed) > blameMemory {
		b.blames.Reset()
	}
	b.blamed = b.now()
	b.note(err)
	b.lastChoice = b.now().Add(b.blames.NextBackOff())
}

// suspect says that the mirror's bytes were wrong a short while ago.
func (b *breaker) suspect() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now().Before(b.lastChoice)
}

// open and note must be called with the lock held.
func (b *breaker) open(d time.Duration, err error) {
	if until := b.now().Add(d); until.After(b.openUntil) {
		b.openUntil, b.opened = until, err
	}
	b.probing = false
}

func (b *breaker) note(err error) { b.lastErr, b.lastAt = err, b.now() }

// A BreakerState is "closed", "open" or "half-open": a probe is due or under way.
type BreakerState string

// The states, as status pages print them.
const (
	Closed   BreakerState = "closed"
	Open     BreakerState = "open"
	HalfOpen BreakerState = "half-open"
)

func (b *breaker) state() (BreakerState, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.openUntil.IsZero():
		return Closed, time.Time{}
	case b.now().Before(b.openUntil):
		return Open, b.openUntil
	default:
		return HalfOpen, b.openUntil
	}
}

func (b *breaker) history() (failures int, at time.Time, last error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures, b.lastAt, b.lastErr
}

// cooling is the error of a mirror that was not asked.
func (b *breaker) cooling() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &coolingError{b.opened}
}

// A coolingError repeats why the breaker opened.
type coolingError struct{ last error }

func (e *coolingError) Error() string { return "not asked, failed just now: " + brief(e.last) }
func (e *coolingError) Unwrap() error { return e.last }
