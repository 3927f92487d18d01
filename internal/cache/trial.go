package cache

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"mirrord/internal/extent"
)

// Suspecting is a Source of several origins, any one of which may be wrong. A Body
// of it has an Origin method: whose the bytes are that the last Read brought.
type Suspecting interface {
	// Avoid has further answers come from others than origin; "" from all again.
	Avoid(origin string)
	// RejectFrom is Reject where it is known whose bytes were wrong, "" where it is
	// not and will not be.
	RejectFrom(origin string, reason error) error
}

// given is a stretch of bytes and where they came from, "" unknown.
type given struct {
	extent.Span
	from string
}

// doubt is a mismatch of which it is not known yet whose it is. It is no
// ErrMismatch: that would be the last word.
type doubt struct{ reason error }

func (d *doubt) Error() string { return d.reason.Error() }

// gave notes where the bytes of a stretch came from. f.mu is held.
func (f *flight) gave(s extent.Span, from string) {
	for i := len(f.given) - 1; i >= 0; i-- { // what grows is among the newest
		if g := &f.given[i]; g.from == from && g.End == s.Off {
			g.End = s.End
			return
		}
	}
	f.given = append(f.given, given{s, from})
}

// shares is how many bytes each origin gave.
func (f *flight) shares() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	by := make(map[string]int64)
	for _, g := range f.given {
		by[g.from] += g.End - g.Off
	}
	return by
}

// doubtful reports whether it is open whose the wrong bytes are.
func (f *flight) doubtful() bool {
	if _, ok := f.want.Source.(Suspecting); !ok {
		return false
	}
	f.mu.Lock()
	onTrial := f.onTrial
	f.mu.Unlock()
	return onTrial || len(f.shares()) > 1
}

// try finds out whose bytes are wrong: one origin after another is suspected, the
// smallest share first, and what it gave is fetched from the others. Where the
// whole is right then, the suspect is guilty. What an earlier flight left is suspected
// like an origin's. What others give alike is not fetched again, so at most each share
// comes once more. Readers wait meanwhile; who has had bytes that change is broken off,
// the others never know.
func (f *flight) try(why *doubt) error {
	src := f.want.Source.(Suspecting)
	defer src.Avoid("")
	shares := f.shares()
	suspects := make([]string, 0, len(shares))
	for who := range shares {
		if who != confirmed {
			suspects = append(suspects, who)
		}
	}
	slices.SortFunc(suspects, func(a, b string) int {
		return cmp.Or(cmp.Compare(shares[a], shares[b]), cmp.Compare(a, b))
	})
	for _, who := range suspects {
		if err := f.forget(who); err != nil {
			return err
		}
		src.Avoid(who)
		err := f.fill()
		if err == nil {
			named := src.RejectFrom(who, why.reason)
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
	return f.want.Source.Reject(why.reason)
}

// forget makes a gap of all that who gave. What is noted of the partial goes
// first: it must not claim bytes that are in doubt.
func (f *flight) forget(who string) error {
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
	f.given = slices.DeleteFunc(f.given, func(g given) bool {
		if g.from == who {
			f.have.Remove(g.Off, g.End)
		}
		return g.from == who
	})
	f.onTrial, f.noRange = true, false
	f.ctx, f.cancel = context.WithCancelCause(f.s.ctx)
	return nil
}

// confirmed stands for the origin of bytes that two gave alike: nobody suspects
// them any more, so none is fetched a third time.
const confirmed = "two alike"

// compare looks, in a trial, at the bytes in whose place p comes, and tells whom p
// is to be put down to. Where readers have had others, that is noted.
func (f *flight) compare(p []byte, off int64, from string) (string, error) {
	if !f.doubted() {
		return from, nil
	}
	old := make([]byte, len(p))
	if _, err := f.file.ReadAt(old, off); err != nil {
		return "", fmt.Errorf("%w: %w", errUnstored, err)
	}
	if bytes.Equal(old, p) {
		return confirmed, nil
	}
	first, last := int64(0), int64(len(p))
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

// origin is whose the bytes are that the last Read brought, "" unknown.
func origin(in *Incoming) string {
	if o, ok := in.Body.(interface{ Origin() string }); ok {
		return o.Origin()
	}
	return ""
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
