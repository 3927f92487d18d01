package mirror

import (
	"context"
	"errors"
	"fmt"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
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
	size := w.r.access.mentions.size(w.repository, w.digest)
	c, err := w.blob(ctx, path, size)
	var other *upstream.MismatchError
	if size >= 0 && errors.As(err, &other) { // the digest tells which of the two is right
		w.r.access.mentions.doubt(w.repository, w.digest)
		c, err = w.blob(ctx, path, -1)
	}
	if err != nil {
		return nil, err
	}
	c.Meta = cache.Meta{} // the digest says all; what type upstream gives is not to be believed
	return &Answer{Content: c, Strong: true, Named: w.digest}, nil
}

// blob has the store give the blob, which is of that size; -1 unknown, and then it
// comes in one piece.
func (w wish) blob(ctx context.Context, path string, size int64) (*cache.Content, error) {
	ref := repo.Ref{Path: w.repository + "@" + string(w.digest), Size: size, Digest: w.digest}
	return w.fetch(ctx, path, cache.Want{
		Name: w.entry("@" + string(w.digest)), Digest: w.digest, Size: size, Account: w.r.Name, Early: true, From: w.From,
		Source: w.r.m.pinned(w.r.Shortcut, w.r.Name, ref, &source{
			group: w.r.Upstream, name: w.r.Name, paths: []string{w.repository + "/" + path}, asked: w.sign, hears: w.hear,
		}),
	}, nil)
}

// hear takes an answer for the client's right where it names the object. A page
// that says 200 to whoever asks, of a login or of an outage, proves nothing.
func (w wish) hear(info upstream.Info) {
	if info.Digest == w.digest {
		w.given(w.digest)
	}
}

// fetch has the store give what w.digest names, and gives it on to who may have
// it. given is called when upstream has answered with what proves right.
func (w wish) fetch(ctx context.Context, path string, want cache.Want, given func()) (*cache.Content, error) {
	from, key := want.Source, w.key(path)
	for range fetchTries {
		if err := w.r.gone(key); err != nil {
			return nil, err
		}
		mine := &own{Source: from, given: given, refused: func(err error) { w.refuse(key, err) }}
		if given == nil {
			mine.coming = w.coming
		}
		want.Source = mine
		c, err := w.r.m.store.Get(ctx, want)
		switch {
		case err == nil && mine.opened.Load():
			return c, nil // what the client's own credentials brought
		case err == nil:
			if err := w.admit(ctx, path, c.Size); err != nil {
				return nil, errors.Join(err, c.Close())
			}
			return c, nil
		case mine.asked.Load() || !others(ctx, err):
			return nil, err
		}
		// Who may not have it would only have the next ones fail as well.
		if _, err := w.head(ctx, path, false); err != nil {
			return nil, err
		}
	}
	return nil, errOthers
}

// errOthers: the fetches that a client joined failed for their own clients, again
// and again.
var errOthers = fmt.Errorf("%w: other clients' failed", cache.ErrBusy)

// others reports that a flight of which the client's own Source was not asked may
// have failed for what concerns its own client only: its credentials, its registry.
func others(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !errors.Is(err, cache.ErrBusy)
}

// headBlob answers a HEAD for what is not stored: upstream is asked the same.
func (w wish) headBlob(ctx context.Context, path string) (*Answer, error) {
	info, err := w.head(ctx, path, false)
	if err != nil {
		return nil, err
	}
	w.hear(info)
	a := headOf(repo.Ref{Size: info.Size, Digest: w.digest})
	a.Named = w.digest
	return a, nil
}
