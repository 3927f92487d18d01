package mirror

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// refreshes counts those of a repository's roots.
type refreshes struct {
	mu sync.Mutex
	by map[Outcome]int64 // guarded by mu
}

// count notes what became of one, by the generation before and after it.
func (n *refreshes) count(before, after *generation, err error) {
	how := Unchanged
	switch {
	case absent(err):
		how = GoneAway
	case err != nil:
		how = Failed
	case before == nil:
		how = Fetched
	case after != before:
		how = Changed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.by == nil {
		n.by = make(map[Outcome]int64)
	}
	n.by[how]++
}

// Tracked is what is known of a repository's roots.
type Tracked struct {
	Repo      string
	Roots     []*RootState      // by directory
	Refreshes map[Outcome]int64 // since the start
}

// Tracked tells of every repository that has roots, by name.
func (m *Mirror) Tracked() (all []Tracked) {
	for name, r := range m.repos {
		r.refreshes.mu.Lock()
		t := Tracked{Repo: name, Refreshes: maps.Clone(r.refreshes.by)}
		r.refreshes.mu.Unlock()
		if t.Roots = r.states(); len(t.Roots) > 0 || len(t.Refreshes) > 0 {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Tracked) int { return cmp.Compare(a.Repo, b.Repo) })
	return all
}
