package mirror

import (
	"slices"
	"sync"

	"mirrord/internal/repo"
)

// looseMost bounds the indexes without a root that a repository keeps in mind.
const looseMost = 256

// loose are the indexes of a repository that has no root (a directory with a
// Packages and no Release, which apt takes with trusted=yes). They are kept fresh
// by upstream's validators, and what they name is checked against them all the
// same. Clients ask for them anew after a restart, so memory is enough.
type loose struct {
	mu    sync.Mutex
	plans []repo.Plan // least recent first; guarded by mu
}

// note remembers that a client was given the index.
func (l *loose) note(plan repo.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plans = slices.DeleteFunc(l.plans, func(p repo.Plan) bool { return p.Path == plan.Path })
	if len(l.plans) == looseMost {
		l.plans = l.plans[1:]
	}
	l.plans = append(l.plans, plan)
}

// looseTables are those of the loose indexes as they are stored now.
func (r *repository) looseTables() (list []table) {
	r.loose.mu.Lock()
	plans := slices.Clone(r.loose.plans)
	r.loose.mu.Unlock()
	for _, p := range plans {
		if e, ok := r.m.store.Entry(r.Name + "/" + p.Path); ok {
			list = append(list, table{ref: repo.Ref{Path: p.Path, Digest: e.Digest, Size: -1}, base: p.Base, head: true})
		}
	}
	return list
}
