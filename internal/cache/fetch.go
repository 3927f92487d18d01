package cache

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"mirrord/internal/extent"
)

const (
	// near is how far ahead of a fetcher a reader still waits for it rather than
	// having one of its own: what 20 MB/s brings in 25 ms.
	near = 512 << 10
	// maxFetchers bounds the connections of one flight. Readers beyond it wait.
	maxFetchers = 8
	// pourBuffer is the size of one read from the source, and so of one extent.
	pourBuffer = 128 << 10
	// growBy is the step in which a flight of unknown size reserves space.
	growBy = 8 << 20
	// endless is the part of the budget, one in so many, that an object of unknown
	// size may take: a body without end must not throw everything else out.
	endless = 4
)

// fetcher brings bytes from pos on. Its fields are guarded by flight.mu.
type fetcher struct {
	pos  int64
	goal int64 // bytes before it are passed over where they are there
	end  int64 // it brings what is before it, 0 for all
	lane bool  // one of several, which may fail alone

	step  int64     // what it asks for at a time, of a flight in parts
	began time.Time // when it was sent to its part
}

var pourBuffers = sync.Pool{New: func() any { return new([pourBuffer]byte) }}

// fetch runs t until nothing is left for it to bring.
func (f *flight) fetch(t *fetcher, in *Incoming) {
	defer f.fetching.Done()
	for {
		err := error(nil)
		if in == nil {
			in, err = f.openAt(t)
		}
		if err == nil {
			err = f.pour(t, in)
			in.Body.Close()
			in = nil
		}
		if err != nil {
			f.drop(t, err)
			return
		}
		if !f.nextGap(t) {
			return
		}
		f.topUp()
	}
}

var errNoRange = errors.New("upstream does not serve ranges")

// openAt opens the source at the fetcher's place.
func (f *flight) openAt(t *fetcher) (*Incoming, error) {
	f.mu.Lock()
	off, end, spare, held, size := t.pos, t.end, t.lane, f.held(), f.size
	f.mu.Unlock()
	in, err := f.openSource(off, end, spare, held)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	proved := f.want.Digest != "" || sameStrong(in.Meta, held) || in.Off > 0 && sameStrong(held, held)
	switch {
	case in.Size >= 0 && size >= 0 && in.Size != size:
		err = fmt.Errorf("%w: size is %d, was %d", ErrMismatch, in.Size, size)
	case in.Off == off && proved:
		if end > 0 && in.End != end {
			f.unpart(t)
		}
	case in.Off != 0 || !proved:
		err = fmt.Errorf("%w: upstream has another version now", ErrMismatch)
	case len(f.fetchers) > 1 && !f.parts:
		f.noRange = true
		err = errNoRange // one of the others will get there
	default:
		f.unpart(t)
		t.pos, t.goal = 0, max(t.goal, size) // it would have to begin at 0 again for what it left
	}
	if err != nil {
		in.Body.Close()
		return nil, err
	}
	return in, nil
}

// held is the validator by which the source can tell that what it has is what
// the flight has. f.mu is held.
func (f *flight) held() Meta {
	if f.want.Digest != "" {
		return Meta{}
	}
	return f.meta
}

// pour writes in's bytes until they meet bytes that are there, or end.
func (f *flight) pour(t *fetcher, in *Incoming) error {
	buf := pourBuffers.Get().(*[pourBuffer]byte)
	defer pourBuffers.Put(buf)
	for {
		n, err := in.Body.Read(buf[:])
		if n > 0 {
			met, err := f.write(t, buf[:n], origin(in))
			if met || err != nil {
				return err
			}
		}
		if err == io.EOF {
			return f.atEnd(t)
		}
		if err != nil {
			return err
		}
	}
}

// atEnd takes the end of the source's bytes for the end of an object whose size
// was not known.
func (f *flight) atEnd(t *fetcher) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size < 0 {
		f.size = t.pos
		f.broadcast()
	}
	if t.end > 0 && t.pos >= t.end {
		return nil
	}
	if t.pos < f.size {
		return fmt.Errorf("upstream ended after %d of %d bytes: %w", t.pos, f.size, io.ErrUnexpectedEOF)
	}
	return nil
}

// write puts p where it is missing and reports whether the fetcher has met bytes
// that were there before, or that another is writing.
func (f *flight) write(t *fetcher, p []byte, from giver) (met bool, err error) {
	if err := f.makeRoom(t, int64(len(p))); err != nil {
		return false, err
	}
	for len(p) > 0 {
		f.mu.Lock()
		gap, _ := f.taken.Gap(t.pos, t.pos+int64(len(p)))
		if gap == (extent.Span{}) || gap.Off > t.pos {
			n := int64(len(p))
			if gap.Off > t.pos {
				n = gap.Off - t.pos
			}
			t.pos, p = t.pos+n, p[n:]
			met = t.pos > t.goal
			f.mu.Unlock()
			if met {
				return true, nil
			}
			continue
		}
		f.taken.Add(gap.Off, gap.End) // where a write fails the flight does
		f.mu.Unlock()
		n := int(gap.End - gap.Off)
		from, err := f.compare(p[:n], gap.Off, from)
		if err != nil {
			return false, err
		}
		if _, err := f.file.WriteAt(p[:n], gap.Off); err != nil {
			return false, fmt.Errorf("%w: %w", errUnstored, err)
		}
		f.mu.Lock()
		f.have.Add(gap.Off, gap.End)
		f.gave(from, gap)
		t.pos, p = gap.End, p[n:]
		f.s.space.wrote(&f.hold, f.have.Len()-f.hold.written) // another may have brought some too
		f.broadcast()
		met = f.have.Upto(t.pos) > t.pos && t.pos >= t.goal
		f.mu.Unlock()
		if met {
			return true, nil
		}
	}
	return false, nil
}

// makeRoom refuses bytes beyond the size, and reserves space step by step where
// the size is not known.
func (f *flight) makeRoom(t *fetcher, n int64) error {
	f.mu.Lock()
	end, size, reserved := t.pos+n, f.size, f.hold.reserved
	f.mu.Unlock()
	switch {
	case size >= 0 && end > size:
		return fmt.Errorf("%w: more than %d bytes came", ErrMismatch, size)
	case size >= 0 || end <= reserved:
		return nil
	}
	step := max(n, growBy)
	if most := f.s.space.most(f.want.Account); most > 0 && reserved+step > most/endless {
		return fmt.Errorf("%w: of unknown size, and a large part of the budget already", errUnstored)
	}
	if err := f.s.space.reserve(f.want.Account, step); err != nil {
		return err
	}
	f.mu.Lock()
	f.hold.reserved += step
	f.mu.Unlock()
	return nil
}

// nextGap sends the fetcher to the first gap that no other is filling; false
// where there is none. The fetcher is then off the flight.
func (f *flight) nextGap(t *fetcher) bool {
	lanes := f.lanes()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetchers = slices.DeleteFunc(f.fetchers, func(o *fetcher) bool { return o == t })
	if f.err != nil || f.noRange && len(f.fetchers) > 0 {
		return false
	}
	if f.parts {
		return f.anotherPart(t, lanes)
	}
	for off := int64(0); ; {
		gap, ok := f.have.Gap(off, f.size)
		if !ok {
			return false
		}
		taken := slices.ContainsFunc(f.fetchers, func(o *fetcher) bool { return gap.Off <= o.pos && o.pos < gap.End })
		if !taken {
			t.pos, t.goal, t.end = gap.Off, gap.Off, 0
			f.fetchers = append(f.fetchers, t)
			return true
		}
		off = gap.End
	}
}

// drop takes a fetcher that failed off the flight. Where others are under way
// they bring what it did not; else the flight fails.
func (f *flight) drop(t *fetcher, err error) {
	f.mu.Lock()
	f.fetchers = slices.DeleteFunc(f.fetchers, func(o *fetcher) bool { return o == t })
	if f.size >= 0 && f.have.Upto(0) >= f.size {
		f.mu.Unlock()
		return // all is there without it
	}
	if f.parts {
		goesOn := f.dropLane(t, err)
		f.mu.Unlock()
		if !goesOn {
			f.fail(err)
		}
		return
	}
	others := len(f.fetchers) > 0
	if others {
		f.noRange = true // and no further ones are begun
	}
	f.mu.Unlock()
	if !others || errors.Is(err, errUnstored) || errors.Is(err, ErrMismatch) {
		f.fail(err)
	}
}

// reach makes sure that the byte at off is on its way to a reader who waits for
// it. f.mu is held.
func (f *flight) reach(off int64) {
	if f.have.Upto(off) > off {
		return // it is there, and waits for the verdict
	}
	if f.size < 0 || f.noRange || f.err != nil || f.ended || len(f.fetchers) == 0 {
		return
	}
	most := maxFetchers
	if f.parts {
		most += lanesMost // which do not wait for readers
	}
	if len(f.fetchers) >= most {
		return
	}
	for _, t := range f.fetchers {
		if t.pos <= off && off-t.pos <= near {
			return
		}
	}
	t := &fetcher{pos: off, goal: off}
	if gap, ok := f.have.Gap(off, f.size); f.parts && ok {
		t.end = f.unclaimed(gap, partSize)
	}
	f.start(t)
}
