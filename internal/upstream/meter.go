package upstream

import (
	"maps"
	"math"
	"sync"
	"time"
)

const (
	// The last dozen answers decide what a mirror's latency and error rate are.
	meterWeight = 0.2
	// Throughput is an average over about so much time of waiting for bytes, so
	// that a burst out of a buffer counts for the little time it took.
	rateMemory = 5 * time.Second
	// paceWindow is long enough to level out single reads of a slow line.
	paceWindow = 250 * time.Millisecond
	// An answer of less says something of latency only.
	paceLeast = 64 << 10 // bytes
	// Of a window in which the reader took more than this part of the time, the
	// throughput is known from below only.
	paceWaited = 0.5
)

// A meter keeps what a mirror has shown of itself as it was used.
type meter struct {
	now func() time.Time

	mu      sync.Mutex // guards all below
	first   average    // seconds from a request to its answer's header
	failing average    // 1 a request that failed, 0 one that did not
	bytes   float64    // decayed, over seconds
	seconds float64
	used    time.Time // when the last answer or failure came
	active  int       // questions and bodies under way
	whole   time.Time // until then it is taken to ignore ranges
	behind  time.Time // until then it is passed over for roots
	left    map[string]int64
}

// An average is exponentially weighted.
type average struct {
	value float64
	known bool
}

func (a *average) add(v float64) {
	if !a.known {
		a.value, a.known = v, true
		return
	}
	a.value += meterWeight * (v - a.value)
}

func newMeter(now func() time.Time) *meter { return &meter{now: now, left: map[string]int64{}} }

// answered notes an answer that took d.
func (t *meter) answered(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first.add(d.Seconds())
	t.used = t.now()
}

// outcome notes whether a request, or a body, failed.
func (t *meter) outcome(failed bool) {
	v := 0.0
	if failed {
		v = 1
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failing.add(v)
	t.used = t.now()
}

// brought notes n bytes in d. held says that the reader was the slower part: the
// mirror could have done more.
func (t *meter) brought(n int64, d time.Duration, held bool) {
	if d <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if held && float64(n)/d.Seconds() <= t.rate() {
		return
	}
	decay := math.Exp(-d.Seconds() / rateMemory.Seconds())
	t.bytes, t.seconds = t.bytes*decay+float64(n), t.seconds*decay+d.Seconds()
}

// rate is bytes a second, 0 unknown. t.mu is held.
func (t *meter) rate() float64 {
	if t.seconds == 0 {
		return 0
	}
	return t.bytes / t.seconds
}

func (t *meter) throughput() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rate()
}

func (t *meter) lastUsed() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

func (t *meter) fellBehind(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.behind = until
}

func (t *meter) isBehind() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now().Before(t.behind)
}

// hold counts a question and its body; the func it returns, once, that they are over.
func (t *meter) hold() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active++
	return sync.OnceFunc(t.release)
}

func (t *meter) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.active--
}

// leave counts what was taken from the mirror, by reason.
func (t *meter) leave(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left[reason]++
}

// A Measure is what a mirror has shown of itself, as it was used.
type Measure struct {
	FirstByte  time.Duration // from a request to its answer, 0 unknown
	Throughput float64       // bytes a second of one body, 0 unknown
	Errors     float64       // part of the requests that failed, 0 to 1
	Used       time.Time     // zero never
	Active     int           // questions and bodies under way
	Behind     bool          // it is passed over for roots: it had an older one than is known
	// Left counts what was taken from it before its end: "stall", "slow", "late"
	// (another answered a request first, or brings the part that it kept waiting for)
	// and "wrong".
	Left map[string]int64
}

func (t *meter) measure() Measure {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Measure{
		FirstByte: time.Duration(t.first.value * float64(time.Second)), Throughput: t.rate(), Errors: t.failing.value,
		Used: t.used, Active: t.active, Behind: t.now().Before(t.behind), Left: maps.Clone(t.left),
	}
}

// A pace measures one body: windows of bytes, and of the time that was spent
// waiting for them. The body's reader owns it.
type pace struct {
	began  time.Time // zero before the first read
	bytes  int64
	waited time.Duration
}

// A window is what came in a stretch of time.
type window struct {
	bytes int64
	took  time.Duration
	held  bool // by the reader
}

func (w window) rate() float64 { return float64(w.bytes) / w.took.Seconds() }

// add notes n bytes that a read from start to end brought; ok says that a window
// is full.
func (p *pace) add(start, end time.Time, n int) (w window, ok bool) {
	if p.began.IsZero() { // what it brings has come before
		p.began = end
		return window{}, false
	}
	p.bytes += int64(n)
	p.waited += end.Sub(start)
	if end.Sub(p.began) < paceWindow {
		return window{}, false
	}
	w = p.window(end)
	*p = pace{began: end}
	return w, true
}

// rest is the window that is not full at a body's end, where it says anything.
func (p *pace) rest(end time.Time) (w window, ok bool) {
	if p.bytes < paceLeast || !end.After(p.began) {
		return window{}, false
	}
	return p.window(end), true
}

func (p *pace) window(end time.Time) window {
	took := end.Sub(p.began)
	return window{p.bytes, took, p.waited.Seconds() < paceWaited*took.Seconds()}
}
