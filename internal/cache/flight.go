package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/extent"
)

// flight fills one object. Its goroutine (run) opens the source, follows the
// contiguous prefix with the hash and commits; fetchers, each in a goroutine of
// its own, bring the bytes.
type flight struct {
	s      *Store
	key    string
	want   Want
	name   string // of the partial's file
	ctx    context.Context
	cancel context.CancelCauseFunc // renewed by startOver; guarded by mu outside run

	started time.Time

	headed   chan struct{}  // closed when size and meta are known, or at the end
	done     chan struct{}  // closed at the end
	fetching sync.WaitGroup // fetchers
	file     *os.File       // set by run before headed is closed
	ending   Ending         // run's own; "" where the error tells

	mu       sync.Mutex
	meta     Meta          // guarded by mu
	size     int64         // -1 unknown; guarded by mu
	framed   bool          // the end of the bytes is proved; guarded by mu
	have     extent.Set    // guarded by mu
	taken    extent.Set    // have, and what is being written; guarded by mu
	hold     hold          // of the budget; guarded by mu
	fetchers []*fetcher    // guarded by mu
	parts    bool          // it is fetched in parts, by several lanes; guarded by mu
	base     int64         // the first part's beginning; guarded by mu
	noRange  bool          // the source cannot start in the middle; guarded by mu
	given    ledger        // whose the bytes are, where a digest will judge; guarded by mu
	onTrial  bool          // whose are wrong is being found out; guarded by mu
	hushed   bool          // readers wait for how the trial ends; guarded by mu
	shown    extent.Set    // what readers have had; guarded by mu
	changed  extent.Set    // of that, what was replaced by other bytes; guarded by mu
	short    bool          // little was missing when it began; guarded by mu
	readers  int           // guarded by mu
	served   bool          // a reader has had bytes; guarded by mu
	wake     chan struct{} // closed and renewed when anything above changes; guarded by mu
	disowned bool          // it was purged: nothing of it is kept; guarded by mu
	whole    bool          // all is there and checked: the last byte may go out; guarded by mu
	ended    bool          // guarded by mu
	err      error         // why it ended or will end; guarded by mu
	object   digest.Digest // what was committed; guarded by mu
}

// newFlight makes a flight with one reader, its caller.
func newFlight(s *Store, key string, w Want) *flight {
	f := &flight{
		s: s, key: key, want: w, name: partialName(key),
		started: time.Now(),
		headed:  make(chan struct{}), done: make(chan struct{}),
		size: -1, readers: 1, hold: hold{account: w.Account}, wake: make(chan struct{}),
	}
	f.live()
	return f
}

// live gives the flight a context, for as long as the Store has its own.
func (f *flight) live() {
	ctx := f.s.ctx
	if f.want.life != nil {
		ctx = f.want.life
	}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
}

const (
	// flightsMost bounds the flights, at about 300 KiB and two descriptors each.
	flightsMost = 1024
	// abandonedMost is how many flights there may be for one to go on without a
	// reader: a client that asks and leaves must not fill mirrord with work.
	abandonedMost = 64
)

// attempts bounds how often a flight starts over after wrong bytes, as long as
// no reader has had any of them.
const attempts = 3

func (f *flight) run() {
	defer f.s.wg.Done()
	err := f.fill()
	if why := (*doubt)(nil); errors.As(err, &why) {
		err = f.try(why)
	}
	for n := 1; n < attempts && errors.Is(err, ErrMismatch) && f.startOver(); n++ {
		if again := f.fill(); again == nil || errors.Is(again, ErrMismatch) {
			err = again
		} else {
			err = errors.Join(err, again)
		}
	}
	f.end(err)
}

// fill gets the object once, from what is there of it to the commit.
func (f *flight) fill() error {
	if d, ok := f.alreadyThere(); ok {
		return f.finish(d)
	}
	in, t, err := f.begin()
	if errors.Is(err, ErrNotModified) {
		if err := f.s.Checked(f.want.Name, f.want.Seen); err != nil {
			return err
		}
		return f.finish(f.want.Seen.Digest)
	}
	if err != nil {
		return err
	}
	if in != nil {
		f.fetching.Add(1)
		go f.fetch(t, in)
		f.topUp()
	}
	f.head()
	sums, err := f.follow()
	if err != nil {
		f.fail(err)
	}
	f.cancel(err) // what is still fetched is there already
	f.fetching.Wait()
	if err != nil {
		return f.failure()
	}
	return f.conclude(sums)
}

// alreadyThere tells whether another flight brought the object between its
// caller's look and now.
func (f *flight) alreadyThere() (digest.Digest, bool) {
	d := f.want.Digest
	if d == "" {
		e, ok := f.s.Entry(f.want.Name)
		if !ok || e.Checked.Equal(f.want.Seen.Checked) {
			return "", false
		}
		d = e.Digest
	}
	d = f.s.canonical(d)
	f.s.awaitEviction(d) // what is going is not there
	return d, f.s.Has(d)
}

// finish ends a flight that needed no bytes.
func (f *flight) finish(d digest.Digest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.object, f.whole, f.ending = d, true, EndUnneeded
	return nil
}

// head tells the readers that size and meta are known.
func (f *flight) head() {
	select {
	case <-f.headed:
	default:
		close(f.headed)
	}
}

// fail makes err the flight's outcome, unless there is one, and stops fetching.
func (f *flight) fail(err error) {
	f.mu.Lock()
	if f.err == nil {
		f.err = err
	}
	f.broadcast()
	cancel := f.cancel
	f.mu.Unlock()
	cancel(err)
}

func (f *flight) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// broadcast wakes all who wait. f.mu is held.
func (f *flight) broadcast() {
	close(f.wake)
	f.wake = make(chan struct{})
}

// startOver forgets all bytes after a mismatch. It may not where a reader has
// had some, where no digest will judge, or when the store is closing.
func (f *flight) startOver() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.served || f.want.Digest == "" || f.s.ctx.Err() != nil {
		return false
	}
	// The size stays until another is told: readers have been told it already.
	f.err, f.have, f.taken, f.given = nil, extent.Set{}, extent.Set{}, nil
	f.noRange, f.onTrial, f.hushed = false, false, false
	f.live()
	return true
}

// end takes the flight off the table and tells everybody how it went.
func (f *flight) end(err error) {
	keep := f.settle(err)
	// In one step: who finds the flight on the table can still read its file.
	f.s.mu.Lock()
	f.mu.Lock()
	f.err, f.ended = err, true
	f.s.ended[f.endingOf(err)]++
	if keep {
		f.s.space.park(f.name, f.hold)
	} else {
		f.s.space.release(f.hold)
	}
	f.hold = hold{}
	delete(f.s.flights, f.key)
	f.broadcast()
	idle := f.readers == 0
	f.mu.Unlock()
	f.s.mu.Unlock()
	f.cancel(err)
	f.head()
	close(f.done)
	if idle {
		f.closeFile()
	}
}

func (f *flight) closeFile() {
	if f.file != nil {
		f.file.Close()
	}
}

// leave counts a reader off. The last one stops the flight where it is to be
// parked, or where nothing is kept of it.
func (f *flight) leave() {
	f.s.mu.Lock()
	many := len(f.s.flights) > abandonedMost
	f.s.mu.Unlock()
	f.mu.Lock()
	f.readers--
	last, ended, cancel := f.readers == 0, f.ended, f.cancel
	stop := last && !ended && (f.s.park || f.want.Transient || many)
	if stop && f.err == nil {
		f.err = errParked // seen by whoever joins from now on
	}
	f.mu.Unlock()
	if stop {
		cancel(errParked)
	}
	if last && ended {
		f.closeFile()
	}
}

// committed is the digest of the stored object, "" while there is none.
func (f *flight) committed() digest.Digest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.object
}

// content makes the caller, who is counted already, a reader of the flight.
func (f *flight) content(ctx context.Context, how How) *Content {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &reader{f: f, ctx: ctx, size: f.size}
	return &Content{
		ReadSeeker: r, reader: r, Size: f.size, Digest: f.want.Digest, Meta: f.meta,
		How: how, Stored: !f.want.Transient && !f.disowned, store: f.s,
	}
}

// checkpointEvery bounds how much of a fill a crash can lose, in time.
const checkpointEvery = 2 * time.Second

// checkpointBytes bounds it in bytes.
const checkpointBytes = 32 << 20

// mismatch tells the source that its bytes are wrong and words the error.
func (f *flight) mismatch(what string, got, want any) error {
	err := fmt.Errorf("%w: %s is %v, expected %v", ErrMismatch, what, got, want)
	return f.want.Source.Reject(err)
}
