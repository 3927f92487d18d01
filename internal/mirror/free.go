package mirror

import (
	"context"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// openFree serves a file that nobody vouches for.
func (r *repository) openFree(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	f := r.mutable(plan, req)
	if _, known := f.entry(); !known {
		if req.Head {
			return r.askHead(ctx, plan)
		}
		if err := r.gone(plan.Path); err != nil {
			return nil, err
		}
	}
	a, err := f.open(ctx)
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	return a.withKin(kin{r: r, plan: plan}), nil
}

func (r *repository) mutable(plan repo.Plan, req Request) mutable {
	return mutable{
		store: r.m.store, now: r.m.now, name: r.Name + "/" + plan.Path, account: r.Name,
		fresh: r.Fresh, patience: patienceWith(r.Upstream, req.Edge), early: true, from: req.From, final: absent,
		source: func(seen cache.Entry) cache.Source {
			return &source{group: r.Upstream, name: r.Name, paths: []string{plan.Path}, size: -1, unless: seen.Meta}
		},
	}
}
