package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// unpacking is a Source of an index that upstream lists and does not have, as archives of
// apt do with those that are not compressed: it is made from one of its compressed forms.
type unpacking struct {
	r      *repository
	byHash bool
	ref    repo.Ref
	forms  []repo.Ref // the one to take first
}

// unpack has the store hold an index that cannot be fetched, which cause tells: made from
// one of forms, and checked as any other. Where that fails too it gives cause.
func (r *repository) unpack(ctx context.Context, byHash bool, ref repo.Ref, forms []repo.Ref, cause error) (*cache.Content, error) {
	key := "unpacked " + string(ref.Digest)
	if len(forms) == 0 || !lacks(cause) || r.gone(key) != nil {
		return nil, cause
	}
	src := &unpacking{r, byHash, ref, forms}
	c, err := r.m.store.Get(ctx, cache.Want{Account: r.Name, Digest: ref.Digest, Size: ref.Size, Source: src})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		r.forbear(key, err) // it is much work, and the next time ends no better
		r.m.log.Warn("an index cannot be unpacked", "repo", r.Name, "path", ref.Path, "err", err)
		return nil, cause
	}
	return c, nil
}

// formsOf are the compressed forms of an index, by what gives the listed file of a role;
// those that are stored come first.
func (r *repository) formsOf(ref repo.Ref, inRole func(role string) (repo.Ref, bool)) []repo.Ref {
	var stored, others []repo.Ref
	for _, ext := range compressions {
		form, ok := inRole(r.role(ref.Path) + ext)
		switch {
		case !ok:
		case r.m.store.Has(form.Digest):
			stored = append(stored, form)
		default:
			others = append(others, form)
		}
	}
	return append(stored, others...)
}

// Open always answers from the start.
func (u *unpacking) Open(ctx context.Context, _ int64, _ cache.Meta) (*cache.Incoming, error) {
	var errs []error
	for _, form := range u.forms {
		body, err := u.open(ctx, form)
		if err == nil {
			return &cache.Incoming{Body: body, Size: u.ref.Size, Framed: true}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (u *unpacking) open(ctx context.Context, form repo.Ref) (io.ReadCloser, error) {
	c, err := u.r.fetchIndex(ctx, u.byHash, form)
	if err != nil {
		return nil, err
	}
	select {
	case u.r.tables.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.Close())
	}
	body := &unpacked{c: c, slots: u.r.tables.slots}
	if body.ReadCloser, err = repo.Decompress(form.Path, c); err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return body, nil
}

// Reject blames nobody: both forms are what the root says, and the root does not agree.
func (u *unpacking) Reject(reason error) error {
	return fmt.Errorf("%s: %s, unpacked: %w", u.r.Name, u.ref.Path, reason)
}

// unpacked is what is unpacked, in a slot.
type unpacked struct {
	io.ReadCloser // nil where it could not be begun
	c             *cache.Content
	slots         chan struct{}
}

func (b *unpacked) Close() (err error) {
	if b.ReadCloser != nil {
		err = b.ReadCloser.Close()
	}
	<-b.slots
	return errors.Join(err, b.c.Close())
}
