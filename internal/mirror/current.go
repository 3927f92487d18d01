package mirror

import (
	"context"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// Current is a stored file of a repository as clients are given it now.
type Current struct {
	Path   string
	Digest digest.Digest
	Meta   cache.Meta // upstream's validators, of roots and of what nobody vouches for
}

// EachCurrent calls fn with the stored files of a repository's current generations, and
// with those that nobody vouches for, in order. Packages and files are those whose path
// begins with prefix; the roots come along, and the indexes that clients use.
func (m *Mirror) EachCurrent(ctx context.Context, repoName, prefix string, fn func(Current) error) error {
	c, err := m.choose(Selector{Repo: repoName})
	if err != nil {
		return err
	}
	r := c.places[0].r
	if r == nil {
		return badSelector("%s is a registry", repoName)
	}
	view := currentView{r: r, prefix: prefix, tables: slices.DeleteFunc(r.tables.all(), func(t table) bool { return !t.head })}
	last := ""
	return m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			if n.path == last { // the digests of one name come together
				continue
			}
			last = n.path
			cur, ok := view.of(n.path)
			if !ok || !m.store.Has(cur.Digest) {
				continue
			}
			if err := fn(cur); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// currentView is what clients are given of a repository now.
type currentView struct {
	r      *repository
	prefix string
	tables []table
}

// of is what a path leads to; false where to nothing, or to what is not asked for.
func (v currentView) of(path string) (Current, bool) {
	cur := Current{Path: path}
	plan, err := v.r.Adapter.Plan(path)
	if err != nil {
		return cur, false
	}
	wanted := strings.HasPrefix(path, v.prefix)
	for _, dir := range plan.Roots {
		rt := v.r.known(dir)
		if rt == nil {
			continue
		}
		if plan.Class == repo.Root {
			m, ok := rt.head().Members[plan.Member]
			cur.Digest, cur.Meta = m.Digest, m.Meta
			return cur, ok
		}
		if ref, ok := rt.listed(rt.head(), path); ok && plan.Class == repo.Index {
			cur.Digest = ref.Digest
			return cur, wanted || rt.usesVariant(path)
		}
	}
	if cur.Digest = v.named(path); cur.Digest != "" {
		return cur, wanted
	}
	e, ok := v.r.m.store.Entry(v.r.Name + "/" + path)
	cur.Digest, cur.Meta = e.Digest, e.Meta
	return cur, ok && wanted
}

// named is what the current indexes say of a path, "" where nothing.
func (v currentView) named(path string) (d digest.Digest) {
	v.r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range v.tables {
			if ref, ok := find(tx, tb.name(v.r.Name), path); ok && tb.covers(path) {
				d = ref.Digest
				return nil
			}
		}
		return nil
	})
	return d
}
