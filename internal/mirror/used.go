package mirror

import (
	"slices"
	"time"

	"mirrord/internal/repo"
)

// usedKept is how long a path that no client asks for is still kept current.
const usedKept = 30 * 24 * time.Hour

// use notes that a client was given path, or asked for a file of the root: the
// next generation becomes current only with what has its role there. At most one
// write a day and role.
func (rt *root) use(path string) {
	path = rt.r.role(path)
	now := rt.r.m.now()
	if _, lately := rt.lastUse(path, now); lately {
		return
	}
	rt.saving.Lock()
	defer rt.saving.Unlock()
	known, lately := rt.lastUse(path, now)
	if lately { // another was quicker
		return
	}
	rt.mu.Lock()
	// Replaced, not changed: others read it without the lock.
	used := map[string]time.Time{path: now}
	for p, last := range rt.used {
		if p != path && now.Sub(last) < usedKept {
			used[p] = last
		}
	}
	rt.used = used
	st := rootState{Gens: rt.gens, Held: rt.held, Used: used}
	rt.mu.Unlock()
	if len(st.Gens) == 0 {
		return
	}
	if !known {
		rt.r.tables.reset()
	}
	if err := rt.save(st, nil, repo.Listing{}, nil); err != nil {
		rt.r.m.log.Error("cannot note what clients use", "repo", rt.r.Name, "err", err)
	}
}

// lastUse tells whether path is in use, and noted as such within a day.
func (rt *root) lastUse(path string, now time.Time) (known, lately bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	last, known := rt.used[path]
	return known, known && near(now, last, 24*time.Hour)
}

// usedPaths lists what clients use below the root, by role.
func (rt *root) usedPaths() []string {
	rt.mu.Lock()
	used := rt.used
	rt.mu.Unlock()
	var paths []string
	for p, last := range used {
		if rt.r.m.now().Sub(last) < usedKept {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}
