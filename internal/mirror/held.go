package mirror

import (
	"slices"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// sort divides the generations that are no longer among the last ones into those
// that are held, for a snapshot or for the history, and those to drop. rt.mu is held.
func (rt *root) sortOut(gens, rest []*generation) (held, drop []*generation) {
	now := rt.r.m.now()
	for _, g := range rest {
		young := !g.Until.IsZero() && now.Sub(g.Until) < rt.r.History
		same := func(o *generation) bool { return o.ID == g.ID }
		again := slices.ContainsFunc(gens, same) || slices.ContainsFunc(held, same)
		if young || !again && rt.r.m.snapshots.holds(rt, g.ID) {
			held = append(held, g)
		} else {
			drop = append(drop, g)
		}
	}
	drop = slices.DeleteFunc(drop, func(g *generation) bool { // its listing is another's too
		same := func(o *generation) bool { return o.ID == g.ID }
		return slices.ContainsFunc(gens, same) || slices.ContainsFunc(held, same)
	})
	return held, drop
}

// letGo drops the generations that nothing holds any more.
func (r *repository) letGo() error {
	for _, rt := range r.allRoots() {
		if err := rt.letGo(); err != nil {
			return err
		}
	}
	r.m.unsettle()
	return nil
}

func (rt *root) letGo() error {
	rt.saving.Lock()
	defer rt.saving.Unlock()
	rt.mu.Lock()
	st := rootState{Gens: rt.gens, Used: rt.used}
	var drop []*generation
	st.Held, drop = rt.sortOut(rt.gens, rt.held)
	rt.mu.Unlock()
	if len(drop) == 0 || len(st.Gens) == 0 {
		return nil
	}
	if err := rt.save(st, nil, repo.Listing{}, drop); err != nil {
		return err
	}
	rt.mu.Lock()
	rt.held = st.Held
	rt.mu.Unlock()
	return nil
}

// kept are all generations of the root: current first, then the held ones.
func (rt *root) kept() []*generation {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Concat(rt.gens, rt.held)
}

// heldTables are those of the indexes that clients use, of the held generations.
func (r *repository) heldTables() (list []table) {
	for _, rt := range r.allRoots() {
		rt.mu.Lock()
		held := rt.held
		rt.mu.Unlock()
		for _, g := range held {
			list = append(list, rt.tablesOf(g, rt.usedPaths(), false)...)
		}
	}
	return list
}

// keptNames reports that a kept generation of the repository names an index of that
// digest, so that its table is to stay, and whether a current one does.
func (r *repository) keptNames(tx cache.Tx, d digest.Digest) (kept, current bool) {
	for _, rt := range r.allRoots() {
		head := rt.head()
		for _, g := range rt.kept() {
			if tx.Get(listingTable(r.Name, rt.dir, g.ID), digestKey(d)) != nil {
				kept, current = true, current || g == head
			}
		}
	}
	return kept, current
}
