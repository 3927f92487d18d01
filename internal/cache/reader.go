package cache

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/extent"
)

// errReplaced breaks off a reader that had bytes which proved wrong.
var errReplaced = fmt.Errorf("%w: what was sent already was replaced", ErrMismatch)

// reader streams a flight: what is there at once, the rest as it comes. The last
// byte comes only when the whole is checked, so that a reader who ends cleanly
// has what was vouched for.
type reader struct {
	f      *flight
	size   int64 // as it was told, -1 where it was not known
	ctx    context.Context
	off    int64
	onWait func()
	err    error      // what broke it off
	seen   extent.Set // what it has had, as long as that may prove wrong
	rest   io.Reader  // takes over where the flight cannot be stored
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.rest != nil {
		return r.read(r.rest.Read(p))
	}
	for {
		f := r.f
		f.mu.Lock()
		if f.spoiled(r) {
			f.mu.Unlock()
			return r.read(0, errReplaced)
		}
		upto, size := f.have.Upto(r.off), f.size
		if r.size >= 0 && size != r.size { // after wrong bytes the flight began anew
			f.mu.Unlock()
			return r.read(0, fmt.Errorf("%w: size is %d, was %d", ErrMismatch, size, r.size))
		}
		if size >= 0 && r.off >= size && f.whole {
			f.mu.Unlock()
			return 0, io.EOF
		}
		if !f.whole {
			// Where the size is not known yet, the newest byte may be the last.
			upto = min(upto, max(size, f.have.End())-1)
		}
		if f.hushed && !f.whole {
			upto = r.off // it may change
		}
		if upto > r.off {
			n := int(min(int64(len(p)), upto-r.off))
			f.served = true
			f.shown.Add(r.off, r.off+int64(n))
			if !f.onTrial { // what comes in one was compared, and after it all is right
				r.seen.Add(r.off, r.off+int64(n))
			}
			f.mu.Unlock()
			return r.read(f.file.ReadAt(p[:n], r.off))
		}
		err, wake := error(nil), f.wake
		if f.ended {
			err = f.err // before the end the flight may yet start over
		}
		if !f.hushed {
			f.reach(r.off)
		}
		f.mu.Unlock()
		if errors.Is(err, errUnstored) {
			return r.goDirect(p, size)
		}
		if err != nil {
			return r.read(0, err)
		}
		if r.onWait != nil {
			r.onWait()
		}
		select {
		case <-wake:
		case <-r.ctx.Done():
			return r.read(0, r.ctx.Err())
		}
	}
}

// spoiled reports whether r has had bytes that proved wrong: some that were replaced,
// or all but the last of an object that is on trial. f.mu is held.
func (f *flight) spoiled(r *reader) bool {
	return f.changed.Meets(&r.seen) || f.onTrial && !f.whole && r.seen.Len() == f.size-1
}

// read notes the place and what broke it.
func (r *reader) read(n int, err error) (int, error) {
	r.off += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// goDirect goes on from the source itself: the bytes are good, only the store
// cannot keep them.
func (r *reader) goDirect(p []byte, size int64) (int, error) {
	f := r.f
	f.mu.Lock()
	meta := f.meta
	f.mu.Unlock()
	d := &direct{s: f.s, ctx: r.ctx, want: f.want, size: size, meta: meta, off: r.off, known: true, given: r.off > 0}
	r.rest = d
	return r.read(d.Read(p))
}

func (r *reader) Seek(offset int64, whence int) (int64, error) {
	size := r.size
	if size < 0 {
		r.f.mu.Lock()
		size = r.f.size
		r.f.mu.Unlock()
	}
	to, err := seek(r.off, size, offset, whence)
	if err == nil {
		if to != r.off && r.rest != nil {
			return 0, errors.New("cannot seek a stream that is not stored")
		}
		r.off = to
	}
	return r.off, err
}

// seek works out where io.Seeker's arguments lead.
func seek(off, size, offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += off
	case io.SeekEnd:
		if size < 0 {
			return 0, errors.New("size not known")
		}
		offset += size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	return offset, nil
}

func (r *reader) broken() error { return r.err }

func (r *reader) Close() error {
	if c, ok := r.rest.(io.Closer); ok {
		c.Close()
	}
	r.f.leave()
	return nil
}
