package mirror

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"mirrord/internal/cache"
)

// own is a Source that knows whether it was asked: where not, the bytes, or the
// error, are of a flight that another client's question began.
type own struct {
	cache.Source
	given   func()                              // called when upstream has answered; nil = that proves nothing
	refused func(error)                         // called with upstream's no, before those who joined hear of it
	coming  func(*cache.Incoming) (over func()) // called with upstream's answer; nil = nothing
	asked   atomic.Bool
	opened  atomic.Bool // with success

	mu   sync.Mutex
	over []func() // guarded by mu
}

func (o *own) Open(ctx context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	o.asked.Store(true)
	in, err := o.Source.Open(ctx, off, held)
	return in, o.note(in, off, err)
}

// note takes an answer, or what was said in place of one, for the client's.
func (o *own) note(in *cache.Incoming, off int64, err error) error {
	if err == nil && provesNothing(in) {
		return nil
	}
	if err == nil {
		o.opened.Store(true)
		if o.coming != nil {
			o.mu.Lock()
			o.over = append(o.over, o.coming(in))
			o.mu.Unlock()
		}
	}
	switch {
	case err == nil || errors.Is(err, cache.ErrNotModified):
		if o.given != nil {
			o.given()
		}
	case off == 0 && refused(err): // else it may be the Range that is refused
		o.refused(err)
	}
	return err
}

// Lanes is the source's, 1 where it gives no parts.
func (o *own) Lanes(size int64) int {
	if parted, ok := o.Source.(cache.Parted); ok {
		return parted.Lanes(size)
	}
	return 1
}

// OpenPart is asked of a source that offered lanes.
func (o *own) OpenPart(ctx context.Context, off, end int64, spare bool) (*cache.Incoming, error) {
	parted, ok := o.Source.(cache.Parted)
	if !ok {
		return nil, cache.ErrNoParts
	}
	o.asked.Store(true)
	in, err := parted.OpenPart(ctx, off, end, spare)
	return in, o.note(in, off, err)
}

// Avoid is the source's. Whom to avoid is asked when the digest was wrong.
func (o *own) Avoid(origin string) (others bool) {
	if origin != "" {
		o.wrong()
	}
	suspecting, ok := o.Source.(cache.Suspecting)
	return ok && suspecting.Avoid(origin)
}

// RejectFrom is the source's; a source of one origin has nobody to name.
func (o *own) RejectFrom(origin string, reason error) error {
	o.wrong()
	if suspecting, ok := o.Source.(cache.Suspecting); ok {
		return suspecting.RejectFrom(origin, reason)
	}
	return reason
}

// Reject is the source's.
func (o *own) Reject(reason error) error {
	o.wrong()
	return o.Source.Reject(reason)
}

// wrong ends what was taken for granted of the bytes.
func (o *own) wrong() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, over := range o.over {
		over()
	}
	o.over = nil
}
