package cache

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/extent"
)

// Suspecting is a Source of several origins, any one of which may be wrong. A Body
// of it has an Origin method: whose the bytes are that the last Read brought, before
// the first whose will be, and which version of the object is there, "" unknown.
type Suspecting interface {
	Source
	// Avoid has further answers come from others than origin, and tells whether
	// there are any; "" from all again.
	Avoid(origin string) (others bool)
	// RejectFrom is Reject where it is known whose bytes were wrong, "" where it is
	// not and will not be.
	RejectFrom(origin string, reason error) error
}

// doubt is a mismatch of which it is not known yet whose it is. It is no
// ErrMismatch: that would be the last word.
type doubt struct{ reason error }

func (d *doubt) Error() string { return d.reason.Error() }

// gave notes where the bytes of a stretch came from. f.mu is held.
func (f *flight) gave(who giver, s extent.Span) {
	if f.want.Digest != "" {
		f.given.add(who, s)
	}
}

// doubtful reports whether it is open whose the wrong bytes are, or whether there
// may be readers who have not had them.
func (f *flight) doubtful() bool {
	if _, ok := f.want.Source.(Suspecting); !ok {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served || f.onTrial || len(f.given) > 1
}

func (f *flight) wasServed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.served
}

// try finds out whose bytes are wrong: one giver after another is suspected, the
// smallest share first, and what it gave is fetched from others, or where there are
// none as it is now. Where the whole is right then, the suspect is guilty. What two
// give alike is not fetched again, so at most each share comes once more. Readers
// wait meanwhile, but where all comes anew; who has had bytes that change is broken
// off, the others never know.
func (f *flight) try(why *doubt) error {
	src := f.want.Source.(Suspecting)
	defer src.Avoid("")
	f.mu.Lock()
	f.onTrial, f.hushed = true, true
	suspects := f.given.suspects()
	f.mu.Unlock()
	for _, who := range suspects {
		alone := len(suspects) == 1
		if others := src.Avoid(who.From); !others && alone && !who.earlier {
			break // it would give the same
		}
		if err := f.forget(who, !alone); err != nil {
			return err
		}
		err := f.fill()
		if err == nil {
			named := src.RejectFrom(who.From, why.reason)
			f.s.log.Warn("wrong bytes were found and replaced", "object", string(f.want.Digest), "err", named)
			return nil
		}
		if errors.Is(err, errParked) || errors.Is(err, errClosed) {
			return err
		}
		if still := (*doubt)(nil); !errors.As(err, &still) { // nobody is there to tell
			return errors.Join(src.RejectFrom("", why.reason), err)
		}
	}
	return src.Reject(why.reason)
}

// forget makes a gap of all that who gave. What is noted of the partial goes
// first: it must not claim bytes that are in doubt.
func (f *flight) forget(who giver, hush bool) error {
	if err := f.s.dropPart(f.name); err != nil {
		return fmt.Errorf("%w: %w", errUnstored, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.s.ctx.Err() != nil {
		return errClosed
	}
	if f.err != nil {
		return f.err
	}
	gave := f.given.take(who)
	for _, gone := range gave.Spans() {
		f.have.Remove(gone.Off, gone.End)
		f.taken.Remove(gone.Off, gone.End)
	}
	f.hushed, f.noRange = hush, false
	f.live()
	f.broadcast()
	return nil
}

// compare looks, in a trial, at the bytes in whose place p comes, and tells whom p
// is to be put down to. Where readers have had others, that is noted.
func (f *flight) compare(p []byte, off int64, from giver) (giver, error) {
	if !f.doubted() {
		return from, nil
	}
	old := make([]byte, len(p))
	n, err := f.file.ReadAt(old, off)
	if err != nil && err != io.EOF {
		return giver{}, fmt.Errorf("%w: %w", errUnstored, err)
	}
	if bytes.Equal(old[:n], p) {
		return confirmed, nil
	}
	// Where nothing was, as behind the end of a shorter object, nobody had it.
	first, last := int64(0), int64(n)
	if bytes.Equal(old[:n], p[:n]) {
		return from, nil
	}
	for old[first] == p[first] {
		first++
	}
	for old[last-1] == p[last-1] {
		last--
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown.Any(off+first, off+last) {
		f.changed.Add(off+first, off+last)
	}
	return from, nil
}

// origin is whose the bytes are that the last Read brought.
func origin(in *Incoming) (who giver) {
	if o, ok := in.Body.(interface{ Origin() (from, version string) }); ok {
		who.From, who.Version = o.Origin()
	}
	return who
}

// kept is what a flight has that goes on with the file it has open.
func (f *flight) kept() (part, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return part{Size: f.size, Have: f.have.Clone(), Meta: f.meta}, f.onTrial
}

// doubted reports whether wrong bytes may be among what is there.
func (f *flight) doubted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.onTrial
}
