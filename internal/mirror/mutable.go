package mirror

import (
	"context"
	"errors"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/upstream"
)

// mutable is a file that upstream may change under its name, and that nobody
// vouches for: a file of a generic repository, a tag, a list of tags.
type mutable struct {
	store    *cache.Store
	now      func() time.Time
	name     string        // of its entry
	account  string        // who pays for it
	fresh    time.Duration // served without asking upstream
	patience time.Duration // for upstream, where there is something stale to serve
	early    bool          // bytes may be served before all are there
	from     int64         // first byte wanted
	// source asks upstream, conditionally where seen is not zero.
	source func(seen cache.Entry) cache.Source
	// final reports an error of upstream that nothing stale may be served for.
	final func(error) bool
	moved func(digest.Digest) // is told what the name leads to where that was something else; nil = nobody
}

// entry is what the name leads to, where that is stored.
func (f mutable) entry() (cache.Entry, bool) {
	e, ok := f.store.Entry(f.name)
	return e, ok && f.store.Has(e.Digest)
}

// open serves it: as long as it is fresh from the store, then by asking upstream
// whether it still holds, and stale when upstream cannot say.
func (f mutable) open(ctx context.Context) (*Answer, error) {
	e, known := f.entry()
	if !known {
		return f.fetch(ctx)
	}
	if near(f.now(), e.Checked, f.fresh) {
		a, err := f.stored(e)
		if errors.Is(err, cache.ErrNotStored) { // evicted just now
			return f.fetch(ctx)
		}
		return a, err
	}
	// A Range would not be asked for conditionally.
	c, err := f.store.Get(ctx, cache.Want{
		Name: f.name, Size: -1, Account: f.account, Early: f.early, Seen: e, Patience: f.patience, Source: f.source(e),
	})
	switch {
	case err == nil:
		f.note(e.Digest, c)
		return &Answer{Content: c, Validated: c.Digest == e.Digest}, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case f.final(err):
		return nil, err
	case errors.Is(err, cache.ErrNotStored): // evicted while upstream was asked
		return f.fetch(ctx)
	}
	a, serr := f.stored(e)
	if serr != nil {
		return nil, errors.Join(err, serr)
	}
	a.Stale = staleReason(err)
	return a, nil
}

// stored serves what the name led to, with the validators of that name.
func (f mutable) stored(e cache.Entry) (*Answer, error) {
	c, err := f.store.Object(e.Digest)
	if err != nil {
		return nil, err
	}
	c.Meta = e.Meta
	return &Answer{Content: c}, nil
}

func (f mutable) fetch(ctx context.Context) (*Answer, error) {
	c, err := f.store.Get(ctx, cache.Want{
		Name: f.name, Size: -1, Account: f.account, Early: f.early, From: f.from, Source: f.source(cache.Entry{}),
	})
	if err != nil {
		return nil, err
	}
	f.note("", c)
	return &Answer{Content: c}, nil
}

// note tells of what is stored and another than before.
func (f mutable) note(before digest.Digest, c *cache.Content) {
	if f.moved != nil && c.Digest != "" && c.Digest != before {
		f.moved(c.Digest)
	}
}

// staleReason words for the client why it gets something older.
func staleReason(err error) string {
	switch {
	case errors.Is(err, upstream.ErrOffline):
		return "offline"
	case errors.Is(err, errUnkept):
		return "the disk cannot keep what is new"
	case errors.Is(err, cache.ErrPatience):
		return "upstream does not answer"
	case errors.Is(err, ErrIncomplete):
		return "upstream is half-synchronised"
	case rateLimited(err):
		return "upstream limits the rate"
	}
	return "upstream failed"
}
