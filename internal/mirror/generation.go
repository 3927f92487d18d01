package mirror

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// keepGenerations is how many of a root stay servable: the current one, the one
// that clients may be halfway through, and one for those who come back late.
const keepGenerations = 3

// generation is one state of a root. It does not change, but that a copy of it says
// until when it was current; what it vouches for stands in its listing, a table of meta.db.
type generation struct {
	ID      digest.Digest     `json:"id"`
	Members map[string]member `json:"members"` // by file name
	Lacks   []string          `json:"lacks"`   // members that upstream does not have
	ByHash  bool              `json:"by_hash"`
	Date    time.Time         `json:"date"`           // upstream's; zero where not told
	Made    time.Time         `json:"made"`           // when it became current here
	Until   time.Time         `json:"until,omitzero"` // when it was replaced; zero where it is current
}

// member is a file of a root.
type member struct {
	Digest digest.Digest `json:"digest"`
	Meta   cache.Meta    `json:"meta"`
}

// rootState is what meta.db keeps of a root.
type rootState struct {
	Gens []*generation        `json:"gens"`           // current first
	Held []*generation        `json:"held,omitempty"` // older ones, for snapshots and the history
	Used map[string]time.Time `json:"used"`           // paths that clients asked for, and when last
}

const tableRoots = "generations"

func rootKey(repo, dir string) []byte { return []byte(repo + "\x00" + dir) }

func listingTable(repo, dir string, id digest.Digest) string {
	return "listing\x00" + repo + "\x00" + dir + "\x00" + string(id)
}

// Keys of a listing: what a path is, and which path has a digest or a role.
func pathKey(p string) []byte          { return []byte("p" + p) }
func digestKey(d digest.Digest) []byte { return []byte("d" + string(d)) }
func roleKey(role string) []byte       { return []byte("r" + role) }

func encodeRef(ref repo.Ref) []byte { return fmt.Appendf(nil, "%s %d", ref.Digest, ref.Size) }

func decodeRef(path string, value []byte) (repo.Ref, bool) {
	ref := repo.Ref{Path: path}
	d, size, ok := strings.Cut(string(value), " ")
	if !ok {
		return ref, false
	}
	if _, err := fmt.Sscanf(size, "%d", &ref.Size); err != nil {
		return ref, false
	}
	parsed, err := digest.Parse(d)
	ref.Digest = parsed
	return ref, err == nil
}

// load reads all roots. It reads no listing, so it is quick.
func (m *Mirror) load() error {
	return m.store.View(func(tx cache.Tx) error {
		return tx.Each(tableRoots, func(k, v []byte) error {
			name, dir, ok := strings.Cut(string(k), "\x00")
			r := m.repos[name]
			if !ok || r == nil {
				return nil // a repository that is configured no more
			}
			var st rootState
			if err := json.Unmarshal(v, &st); err != nil || len(st.Gens) == 0 {
				return nil // fetched anew when asked for
			}
			r.roots[dir] = &root{r: r, dir: dir, gens: st.Gens, held: st.Held, used: st.Used}
			return nil
		})
	})
}

// save writes a root's state, and with it a new listing, in one step.
func (rt *root) save(st rootState, fresh *generation, l repo.Listing, drop []*generation) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return rt.r.m.store.Update(func(tx cache.Tx) error {
		if fresh != nil {
			if err := rt.writeListing(tx, listingTable(rt.r.Name, rt.dir, fresh.ID), l); err != nil {
				return err
			}
		}
		for _, g := range drop {
			if err := tx.Drop(listingTable(rt.r.Name, rt.dir, g.ID)); err != nil {
				return err
			}
		}
		return tx.Put(tableRoots, rootKey(rt.r.Name, rt.dir), text)
	})
}

func (rt *root) writeListing(tx cache.Tx, table string, l repo.Listing) error {
	if tx.Has(table) {
		return nil // the same generation was current before
	}
	b, err := tx.Table(table)
	if err != nil {
		return err
	}
	for _, p := range l.Unchecked {
		if err := b.Put(pathKey(p), []byte("unchecked")); err != nil {
			return err
		}
	}
	for _, ref := range l.Refs {
		if err := b.Put(pathKey(ref.Path), encodeRef(ref)); err != nil {
			return err
		}
		for _, d := range append(ref.Also, ref.Digest) {
			if err := b.Put(digestKey(d), []byte(ref.Path)); err != nil {
				return err
			}
		}
		if role := rt.r.role(ref.Path); role != ref.Path {
			if err := b.Put(roleKey(role), []byte(ref.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listed looks a path up in a generation's listing.
func (rt *root) listed(g *generation, p string) (ref repo.Ref, ok bool) {
	rt.r.m.store.View(func(tx cache.Tx) error {
		v := tx.Get(listingTable(rt.r.Name, rt.dir, g.ID), pathKey(p))
		ref, ok = decodeRef(p, v)
		return nil
	})
	return ref, ok
}

// names reports a path that the generation lists, be it without a digest.
func (rt *root) names(g *generation, p string) (ok bool) {
	rt.r.m.store.View(func(tx cache.Tx) error {
		ok = tx.Get(listingTable(rt.r.Name, rt.dir, g.ID), pathKey(p)) != nil
		return nil
	})
	return ok
}

// role is what a path is called in every generation.
func (r *repository) role(p string) string {
	plan, err := r.Adapter.Plan(p)
	if err != nil || plan.Role == "" {
		return p
	}
	return plan.Role
}

// inRole looks up which path of a generation has a role.
func (rt *root) inRole(g *generation, role string) (ref repo.Ref, ok bool) {
	rt.r.m.store.View(func(tx cache.Tx) error {
		table := listingTable(rt.r.Name, rt.dir, g.ID)
		p := role
		if named := tx.Get(table, roleKey(role)); named != nil {
			p = string(named)
		}
		ref, ok = decodeRef(p, tx.Get(table, pathKey(p)))
		return nil
	})
	return ref, ok
}

// named finds the path that has a digest in directory dir, as by-hash asks.
func (rt *root) named(g *generation, d digest.Digest) (ref repo.Ref, ok bool) {
	rt.r.m.store.View(func(tx cache.Tx) error {
		table := listingTable(rt.r.Name, rt.dir, g.ID)
		if p := tx.Get(table, digestKey(d)); p != nil {
			ref, ok = decodeRef(string(p), tx.Get(table, pathKey(string(p))))
		}
		return nil
	})
	return ref, ok
}

// places are the paths at which upstream may have a listed file.
func (r *repository) places(ref repo.Ref, byHash bool) []string {
	if h, ok := r.Adapter.(interface{ ByHash(repo.Ref) string }); ok && byHash {
		return []string{h.ByHash(ref), ref.Path}
	}
	return []string{ref.Path}
}

func join(dir, name string) string { return path.Join(dir, name) }
