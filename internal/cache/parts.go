package cache

import (
	"context"
	"errors"
	"time"

	"mirrord/internal/extent"
)

const (
	// partSize is what a fetcher begins with, and the least. It goes on with what takes
	// it about partFor, up to partMost: so a question a part costs little, at the far
	// end of a fast line too, and nobody waits long for what a slow lane brings.
	partSize = 4 << 20
	partMost = 64 << 20
	partFor  = 500 * time.Millisecond
	// lanesMost bounds the lanes of a flight, whatever the source offers.
	lanesMost = 8
)

// Parted is a Source that may be able to give parts of an object from several
// places at once. It is asked so only where size and digest are known.
type Parted interface {
	Source
	// Lanes is how many parts of an object of that size are worth fetching at
	// once; below 2 it is fetched as a whole.
	Lanes(size int64) int
	// OpenPart gives the bytes from off to end. For a spare lane it may answer
	// ErrNoLane. A source that ignores ranges answers a part at 0 with everything,
	// and others with ErrNoParts; Incoming.End tells.
	OpenPart(ctx context.Context, off, end int64, spare bool) (*Incoming, error)
}

var (
	// ErrNoLane is a Parted source's answer where one more lane is of no use.
	ErrNoLane = errors.New("no lane to spare")
	// ErrNoParts is its answer where it cannot give parts after all.
	ErrNoParts = errors.New("parts are not served")
)

// lanes is how many fetchers there should be, 0 where the object is not fetched
// in parts.
func (f *flight) lanes() int {
	src, ok := f.want.Source.(Parted)
	if !ok || f.want.Digest == "" || f.want.Size < 0 {
		return 0
	}
	n := min(src.Lanes(f.want.Size), lanesMost)
	if n < 2 {
		return 0
	}
	return n
}

// openSource opens the source from off on, up to end where the object is fetched in
// parts.
func (f *flight) openSource(off, end int64, spare bool, held Meta) (*Incoming, error) {
	if src, ok := f.want.Source.(Parted); ok && end > 0 {
		in, err := src.OpenPart(f.ctx, off, end, spare)
		if spare || !errors.Is(err, ErrNoParts) {
			return in, err
		}
	}
	return f.want.Source.Open(f.ctx, off, held)
}

// partEnd is where the part that begins at off ends, in an object of that size, where
// so much is asked for at a time.
func partEnd(off, size, most int64) int64 {
	return min(size, (off/partSize+max(1, most/partSize))*partSize)
}

// pace settles how much the fetcher asks for next, by what its last part took: twice
// as much at most.
func (t *fetcher) pace(now time.Time) {
	took := max(now.Sub(t.began), time.Millisecond)
	fit := int64(float64(t.pos-t.goal) * partFor.Seconds() / took.Seconds())
	t.step = min(max(fit, partSize), 2*max(t.step, partSize), partMost)
}

// firstPart decides whether the object is fetched in parts, and where the first
// ends that begins at off; 0 where it is fetched as a whole.
func (f *flight) firstPart(off int64, old part) int64 {
	parts := f.lanes() > 0
	f.mu.Lock()
	f.parts = parts
	f.mu.Unlock()
	if !parts {
		return 0
	}
	end := partEnd(off, f.want.Size, partSize)
	if gap, ok := old.Have.Gap(off, f.want.Size); ok {
		end = min(end, gap.End)
	}
	return end
}

// nextPart sends the fetcher to the first part, from where the flight began on,
// that is missing and that nobody is fetching; false where there is none. f.mu is
// held.
func (f *flight) nextPart(t *fetcher) bool {
	for _, from := range []int64{f.base, 0} {
		for off := from; ; {
			gap, ok := f.have.Gap(off, f.size)
			if !ok {
				break
			}
			if end := f.claimed(gap.Off); end > gap.Off {
				off = end
				continue
			}
			t.pos, t.goal = gap.Off, gap.Off
			t.end = f.unclaimed(gap, t.step)
			t.began = f.s.now()
			return true
		}
	}
	return false
}

// anotherPart is nextGap of a flight in parts. A fetcher that was begun for a reader
// ends where there are as many others as there should be. f.mu is held.
func (f *flight) anotherPart(t *fetcher, lanes int) bool {
	t.pace(f.s.now())
	if !t.lane && lanes > 0 && len(f.fetchers) >= lanes || !f.nextPart(t) {
		return false
	}
	f.fetchers = append(f.fetchers, t)
	return true
}

// claimed is the end of what a fetcher is bringing at off, off itself for none.
// f.mu is held.
func (f *flight) claimed(off int64) int64 {
	for _, t := range f.fetchers {
		end := t.end
		if end == 0 {
			end = f.size
		}
		if t.pos <= off && off < end {
			return end
		}
	}
	return off
}

// unclaimed is how far a part of at most that much may reach in a gap: the other
// fetchers have to get as much of what is left. f.mu is held.
func (f *flight) unclaimed(gap extent.Span, most int64) int64 {
	share := (f.size - gap.Off) / int64(len(f.fetchers)+1)
	end := min(gap.End, partEnd(gap.Off, f.size, min(most, share)))
	for _, t := range f.fetchers {
		if t.pos > gap.Off {
			end = min(end, t.pos)
		}
	}
	return end
}

// topUp begins lanes, as many as there are parts and the source can give.
func (f *flight) topUp() {
	n := f.lanes()
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.parts && f.err == nil && !f.ended && len(f.fetchers) < n {
		t := &fetcher{lane: true}
		if !f.nextPart(t) {
			return
		}
		f.start(t)
	}
}

// start runs one more fetcher. f.mu is held, and the flight is not over.
func (f *flight) start(t *fetcher) {
	f.fetchers = append(f.fetchers, t)
	f.fetching.Add(1)
	go f.fetch(t, nil)
}

// unpart ends the fetching in parts: the source answered one with everything, and t
// takes it all. The lanes end with the parts they are at. f.mu is held.
func (f *flight) unpart(t *fetcher) {
	f.parts, f.noRange, t.end = false, true, 0
}

// dropLane deals with the failure of a fetcher of a flight in parts, and reports
// whether the flight can go on. What it leaves the others bring, and what the last
// lane leaves, a lead: only one that fails alone fails the flight. f.mu is held; t
// is off the flight.
func (f *flight) dropLane(t *fetcher, err error) bool {
	switch {
	case f.err != nil || errors.Is(err, errUnstored) || errors.Is(err, ErrMismatch):
		return false
	case len(f.fetchers) > 0:
		return true
	case !t.lane:
		return false
	}
	lead := new(fetcher)
	if f.nextPart(lead) {
		f.start(lead)
	}
	return true
}
