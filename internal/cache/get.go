package cache

import (
	"context"
	"errors"
	"time"
)

// Get gives the object that w asks for: stored, from a flight under way, or from
// one that it begins. It returns when the size is known, or, unless w.Early,
// when the object is whole and checked. ctx also bounds the reading.
func (s *Store) Get(ctx context.Context, w Want) (*Content, error) {
	if s.carry != nil {
		w.life = s.carry(s.ctx, ctx)
	}
	for lost := 0; ; {
		if w.Digest != "" {
			if c, err := s.Object(w.Digest); !errors.Is(err, ErrNotStored) {
				return c, err
			}
		}
		c, err := s.getInFlight(ctx, w)
		// What was brought may be evicted before it is opened. A flight that had
		// nothing to bring would not bring it the next time either.
		evicted := errors.Is(err, ErrNotStored) && w.Seen.Digest == ""
		if !errors.Is(err, errParked) && !errors.Is(err, errOver) && !evicted {
			return c, err
		}
		if evicted {
			lost++
		}
		if lost == lostMost {
			return s.direct(ctx, w)
		}
	}
}

// lostMost is how often what was brought may be lost before it is opened: a disk that
// takes everything and gives nothing back must not have upstream asked for ever.
const lostMost = 3

func (s *Store) getInFlight(ctx context.Context, w Want) (*Content, error) {
	f, how, err := s.join(w)
	if errors.Is(err, errOver) {
		f.leave()
		<-f.done // it is being taken off the table
	}
	if err != nil {
		return nil, err
	}
	if err := f.await(ctx, w); err != nil {
		f.leave()
		switch {
		case errors.Is(err, errUnstored):
			return s.direct(ctx, w)
		case errors.Is(err, errParked):
			<-f.done // it is writing down what it has
		}
		return nil, err
	}
	if d := f.committed(); d != "" {
		f.leave()
		c, err := s.Object(d)
		if err != nil {
			return nil, err
		}
		c.How = how
		if e, ok := s.Entry(w.Name); ok && e.Digest == d {
			c.Meta = e.Meta // the object's own may be of another name
		}
		return c, nil
	}
	return f.content(ctx, how), nil
}

// join finds the flight of w or begins it, and counts the caller as a reader.
// errOver tells that the flight found is through: what it brought may be what
// the caller finds wanting.
func (s *Store) join(w Want) (*flight, How, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, Miss, errClosed
	}
	key := w.key()
	f, ok := s.flights[key]
	if !ok && len(s.flights) >= flightsMost {
		return nil, Miss, ErrBusy
	}
	if ok {
		f.mu.Lock()
		f.readers++
		over := (f.whole || f.disowned) && w.Digest == ""
		f.mu.Unlock()
		if over {
			return f, Joined, errOver
		}
		s.joined++
		return f, Joined, nil
	}
	f = newFlight(s, key, w)
	s.flights[key] = f
	s.begun++
	s.wg.Add(1)
	go f.run()
	return f, Miss, nil
}

// await waits until the flight can be read, or has ended.
func (f *flight) await(ctx context.Context, w Want) error {
	ready := f.headed
	if !w.Early {
		ready = f.done
	}
	var patience <-chan time.Time
	if w.Patience > 0 {
		// Who joins late does not wait anew.
		t := time.NewTimer(w.Patience - time.Since(f.started))
		defer t.Stop()
		patience = t.C
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	case <-patience:
		select {
		case <-ready: // both at once
		default:
			return ErrPatience
		}
	}
	err := f.outcome(ctx)
	if err == nil && w.Early && f.empty() {
		w.Early = false // there is no last byte to hold back
		return f.await(ctx, w)
	}
	if err == nil && w.Early && f.isShort() {
		return f.linger(ctx)
	}
	return err
}

const (
	// shortMost is what a short flight has to bring. Its readers wait for the verdict
	// before they see anything, for lingerFor at most. What is wrong then is replaced
	// before anybody has had it. Most packages and layers are that small, and at 8 MB/s
	// they are whole in that time: nobody has his last byte later.
	shortMost = 4 << 20
	lingerFor = 500 * time.Millisecond
)

// isShort reports whether the verdict may be expected in a moment.
func (f *flight) isShort() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.short
}

// linger waits for the verdict, but not long.
func (f *flight) linger(ctx context.Context) error {
	t := time.NewTimer(lingerFor)
	defer t.Stop()
	select {
	case <-f.done:
		return f.outcome(ctx)
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *flight) empty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size == 0
}

// outcome is why the flight failed. What failed before its end may start over.
func (f *flight) outcome(ctx context.Context) error {
	for {
		f.mu.Lock()
		err, ended, wake := f.err, f.ended, f.wake
		f.mu.Unlock()
		if err == nil || ended || errors.Is(err, errParked) {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
