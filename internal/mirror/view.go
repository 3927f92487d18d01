package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// view is a repository as it was: with its roots at generations that are kept.
type view struct {
	r    *repository
	at   string    // as clients ask for it
	snap *snapshot // nil for a time
	time time.Time
}

// timeForms are how a time may be written: a day, RFC 3339, and snapshot.debian.org's.
var timeForms = []string{time.DateOnly, "2006-01-02T15:04:05Z", "20060102T150405Z"}

// view finds what at means: a snapshot's name, or a time that is past.
func (r *repository) view(at string) (view, error) {
	v := view{r: r, at: at}
	if s := r.m.snapshots.get(r.Name, at); s != nil && s.Ready {
		v.snap = s
		return v, nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, at); err == nil && t.Before(r.m.now()) {
			v.time = t
			return v, nil
		}
	}
	return v, fmt.Errorf("%w: %s@%s, expected a snapshot's name or a past day such as 2026-11-01", ErrNoSnapshot, r.Name, at)
}

// generation is the root's in this view, nil where it has none.
func (v view) generation(dir string) (*root, *generation) {
	rt := v.r.known(dir)
	if rt == nil {
		return nil, nil
	}
	for _, g := range rt.kept() {
		switch {
		case v.snap != nil && g.ID == v.snap.Roots[dir]:
			return rt, g
		case v.snap == nil && !g.Made.After(v.time) && (g.Until.IsZero() || g.Until.After(v.time)):
			return rt, g
		}
	}
	return rt, nil
}

// used is what clients use, or used, below the root, by role.
func (v view) used(rt *root) []string {
	rt.mu.Lock()
	used := slices.Clone(rt.viewed)
	rt.mu.Unlock()
	used = append(used, rt.usedPaths()...)
	if v.snap != nil {
		used = append(used, v.snap.Used[rt.dir]...)
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// viewedMost bounds what is remembered of the indexes that were asked for of older
// states. Clients ask for an index before what it names.
const viewedMost = 256

// note notes that the index at path was given to a client of this state. It is no use
// of the current one.
func (v view) note(rt *root, path string) {
	role := v.r.role(path)
	rt.mu.Lock()
	if !slices.Contains(rt.viewed, role) {
		rt.viewed = append(rt.viewed[max(0, len(rt.viewed)-viewedMost+1):], role)
	}
	rt.mu.Unlock()
	if v.snap == nil || slices.Contains(v.snap.Used[rt.dir], role) {
		return
	}
	if end, ok := v.r.m.snapshots.extending(v.snap, rt.dir, role); ok {
		v.r.m.wg.Go(func() {
			defer end()
			if err := v.r.extend(v.r.m.ctx, v.at, rt, role); err != nil {
				v.r.m.log.Warn("what a snapshot names cannot be pinned", "repo", v.r.Name, "snapshot", v.at, "err", err)
			}
		})
	}
}

// openAt answers a request for a repository as it was. Nothing that may change is
// asked of upstream.
func (m *Mirror) openAt(ctx context.Context, at string, req Request) (*Answer, error) {
	if req.OnlyHit {
		return nil, ErrNotHit
	}
	r, plan, err := m.plan(req)
	if err != nil {
		return nil, err
	}
	v, err := r.view(at)
	if err != nil {
		return nil, err
	}
	switch plan.Class {
	case repo.Root:
		return v.openRoot(plan)
	case repo.Index:
		return v.openIndex(ctx, plan, req)
	case repo.Leaf:
		return v.openLeaf(ctx, plan, req)
	}
	return v.openFree(ctx, plan, req)
}

func (v view) absent(plan repo.Plan) error {
	return fmt.Errorf("%w: %s@%s does not name %s", ErrNotListed, v.r.Name, v.at, plan.Path)
}

func (v view) openRoot(plan repo.Plan) (*Answer, error) {
	_, g := v.generation(plan.Roots[0])
	if g == nil {
		return nil, fmt.Errorf("%w: %s@%s has no root in %q", ErrNoSnapshot, v.r.Name, v.at, plan.Roots[0])
	}
	m, ok := g.Members[plan.Member]
	if !ok {
		return nil, v.absent(plan)
	}
	c, err := v.r.m.store.Object(m.Digest)
	if errors.Is(err, cache.ErrNotStored) {
		return nil, fmt.Errorf("%w: %s@%s: %s was evicted", ErrNoSnapshot, v.r.Name, v.at, plan.Path)
	}
	if err != nil {
		return nil, err
	}
	c.Meta = m.Meta
	return &Answer{Content: c, Strong: true}, nil
}

func (v view) openIndex(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	for _, dir := range plan.Roots {
		rt, g := v.generation(dir)
		if g == nil {
			continue
		}
		ref, ok := rt.listed(g, plan.Path)
		if !ok && plan.Digest != "" {
			ref, ok = rt.named(g, plan.Digest)
		}
		if !ok {
			continue
		}
		if req.Head && !v.r.m.store.Has(ref.Digest) {
			return headOf(ref), nil
		}
		c, err := v.r.fetchIndex(ctx, g.ByHash, ref)
		if err != nil {
			return nil, err
		}
		v.note(rt, ref.Path)
		return &Answer{Content: c, Strong: true}, nil
	}
	return v.openLeaf(ctx, plan, req) // an index that another one names
}

func (v view) openLeaf(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	ref, ok, err := v.lookup(ctx, plan.Path)
	if err != nil {
		return nil, err
	}
	if !ok {
		return v.openFree(ctx, plan, req)
	}
	return v.r.openRef(ctx, ref, req)
}

// lookup finds what the indexes of this state say of a path.
func (v view) lookup(ctx context.Context, path string) (ref repo.Ref, ok bool, err error) {
	var tables []table
	for _, rt := range v.r.allRoots() {
		if _, g := v.generation(rt.dir); g != nil {
			for _, tb := range rt.tablesOf(g, v.used(rt), true) {
				if tb.covers(path) {
					tables = append(tables, tb)
				}
			}
		}
	}
	if err := v.r.tables.readEach(ctx, tables); err != nil {
		return ref, false, err
	}
	verr := v.r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range tables {
			if ref, ok = find(tx, tb.name(v.r.Name), path); ok {
				return nil
			}
		}
		return nil
	})
	return ref, ok, verr
}

// openFree serves a file that nobody vouched for, as it was stored then.
func (v view) openFree(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	if v.snap == nil {
		return nil, v.absent(plan)
	}
	var ref repo.Ref
	ok := false
	err := v.r.m.store.View(func(tx cache.Tx) error {
		ref, ok = decodeRef(plan.Path, tx.Get(v.snap.entries(), []byte(plan.Path)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, v.absent(plan)
	}
	return v.r.openRef(ctx, ref, req)
}

// cutAt takes NAME@STATE apart.
func cutAt(repoName string) (name, at string, ok bool) { return strings.Cut(repoName, "@") }
