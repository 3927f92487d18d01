package mirror

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// fetchTries bounds how often a client begins anew after somebody else's fetch
// that it had joined failed for reasons that need not be its own.
const fetchTries = 3

// openBlob serves a blob, whichever repository or registry it first came by.
func (w wish) openBlob(ctx context.Context) (*Answer, error) {
	path := "blobs/" + string(w.digest)
	if w.Head && !w.r.m.store.Has(w.digest) {
		return w.headBlob(ctx, path)
	}
	c, err := w.fetch(ctx, path, cache.Want{
		Name: w.entry("@" + string(w.digest)), Digest: w.digest, Size: -1, Early: true, From: w.From,
		Source: &source{
			group: w.r.Upstream, name: w.r.Name, paths: []string{w.repository + "/" + path}, size: -1, pinned: true, asked: w.sign,
		},
	})
	if err != nil {
		return nil, err
	}
	c.Meta = cache.Meta{} // the digest says all; what type upstream gives is not to be believed
	return &Answer{Content: c, Strong: true, Named: w.digest}, nil
}

// fetch has the store give what w.digest names, and gives it on to who may have
// it.
func (w wish) fetch(ctx context.Context, path string, want cache.Want) (*cache.Content, error) {
	if err := w.r.gone(w.key(path)); err != nil {
		return nil, err
	}
	from := want.Source
	for range fetchTries {
		mine := &own{Source: from, given: func() { w.given(w.digest) }}
		want.Source = mine
		c, err := w.r.m.store.Get(ctx, want)
		switch {
		case err == nil:
			if err := w.admit(ctx, path); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			return c, nil
		case !refused(err):
			return nil, err
		case mine.asked.Load():
			w.r.forbear(w.key(path), err)
			return nil, err
		}
	}
	return nil, errOthers
}

// errOthers: the fetches that a client joined failed for their own clients, again
// and again.
var errOthers = fmt.Errorf("%w: other clients' failed", cache.ErrBusy)

// own is a Source that knows whether it was asked: where not, the bytes, or the
// error, are of a flight that another client's question began.
type own struct {
	cache.Source
	given func() // called when upstream has answered
	asked atomic.Bool
}

func (o *own) Open(ctx context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	o.asked.Store(true)
	in, err := o.Source.Open(ctx, off, held)
	if err == nil || errors.Is(err, cache.ErrNotModified) {
		o.given()
	}
	return in, err
}

// headBlob answers a HEAD for what is not stored: upstream is asked the same.
func (w wish) headBlob(ctx context.Context, path string) (*Answer, error) {
	if err := w.r.gone(w.key(path)); err != nil {
		return nil, err
	}
	info, err := w.r.Upstream.Head(ctx, w.ask(path))
	if err != nil {
		if refused(err) {
			w.r.forbear(w.key(path), err)
		}
		return nil, err
	}
	w.given(w.digest)
	a := headOf(repo.Ref{Size: info.Size, Digest: w.digest})
	a.Named = w.digest
	return a, nil
}
