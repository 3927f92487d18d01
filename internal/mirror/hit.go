package mirror

import "mirrord/internal/repo"

// openHit serves what is stored and fresh, and was asked for not long ago. It
// never waits. Roots and indexes are left to the longer way: they are asked for
// once where packages are asked for a hundred times.
func (r *repository) openHit(plan repo.Plan, req Request) (*Answer, error) {
	switch plan.Class {
	case repo.Leaf:
		ref, ok := r.tables.remembered(plan.Path, req.Client)
		if !ok {
			return nil, ErrNotHit
		}
		c, err := r.m.store.Object(ref.Digest)
		if err != nil {
			return nil, ErrNotHit
		}
		return &Answer{Content: c, Strong: true}, nil
	case repo.Free:
		e, ok := r.m.store.Entry(r.Name + "/" + plan.Path)
		if !ok || !near(r.m.now(), e.Checked, r.Fresh) {
			return nil, ErrNotHit
		}
		c, err := r.m.store.Object(e.Digest)
		if err != nil {
			return nil, ErrNotHit
		}
		c.Meta = e.Meta
		return (&Answer{Content: c}).withKin(kin{r: r, plan: plan}), nil
	}
	return nil, ErrNotHit
}
