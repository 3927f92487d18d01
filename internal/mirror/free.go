package mirror

import (
	"context"
	"errors"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// openFree serves a file that nobody vouches for: as long as it is fresh from
// the store, then by asking upstream whether it still holds, and stale when
// upstream cannot say.
func (r *repository) openFree(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	want := r.wantFree(plan, req)
	e, known := r.m.store.Entry(want.Name)
	known = known && r.m.store.Has(e.Digest)
	if !known && req.Head {
		return r.askHead(ctx, plan)
	}
	if !known {
		return r.fetchFree(ctx, want, plan)
	}
	if r.m.now().Sub(e.Checked) < r.Fresh {
		c, err := r.m.store.Object(e.Digest)
		if errors.Is(err, cache.ErrNotStored) { // evicted just now
			return r.fetchFree(ctx, want, plan)
		}
		return r.free(c, e.Meta, err)
	}
	want.Seen, want.Patience, want.From = e, r.patience(), 0 // a Range would not be asked for conditionally
	want.Source.(*source).unless = e.Meta
	c, err := r.m.store.Get(ctx, want)
	if err == nil {
		a, _ := r.free(c, c.Meta, nil)
		a.Validated = c.Digest == e.Digest
		return a, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if absent(err) {
		return nil, r.absent(plan.Path, err)
	}
	if errors.Is(err, cache.ErrNotStored) { // evicted while upstream was asked
		return r.fetchFree(ctx, r.wantFree(plan, req), plan)
	}
	c, oerr := r.m.store.Object(e.Digest)
	if oerr != nil {
		return nil, errors.Join(err, oerr)
	}
	a, _ := r.free(c, e.Meta, nil)
	a.Stale = staleReason(err)
	return a, nil
}

func (r *repository) wantFree(plan repo.Plan, req Request) cache.Want {
	return cache.Want{
		Name: r.Name + "/" + plan.Path, Size: -1, Early: true, From: req.From,
		Source: &source{group: r.Upstream, paths: []string{plan.Path}, size: -1},
	}
}

func (r *repository) fetchFree(ctx context.Context, want cache.Want, plan repo.Plan) (*Answer, error) {
	if err := r.gone(plan.Path); err != nil {
		return nil, err
	}
	c, err := r.m.store.Get(ctx, want)
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	return r.free(c, c.Meta, nil)
}

// free labels a Content with the validators of the name it was asked by.
func (r *repository) free(c *cache.Content, meta cache.Meta, err error) (*Answer, error) {
	if err != nil {
		return nil, err
	}
	c.Meta = meta
	return &Answer{Content: c}, nil
}

// staleReason words for the client why it gets something older.
func staleReason(err error) string {
	switch {
	case errors.Is(err, cache.ErrPatience):
		return "upstream does not answer"
	case errors.Is(err, ErrIncomplete):
		return "upstream is half-synchronised"
	}
	return "upstream failed"
}
