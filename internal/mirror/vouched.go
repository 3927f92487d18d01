package mirror

import (
	"context"
	"errors"
	"fmt"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// discoverMax bounds how many directories are tried for a root that no client
// asked for yet.
const discoverMax = 3

// openIndex serves an index, by the digest that the client's generation gives.
func (r *repository) openIndex(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	rt, err := r.rootOf(ctx, plan)
	if errors.Is(err, errUnkept) {
		return r.passThrough(ctx, plan, req)
	}
	if err != nil && !r.storedLoose(plan) {
		return nil, err
	}
	if rt == nil { // a repository without a Release
		a, err := r.openFree(ctx, plan, req)
		if err == nil && plan.Vouches && !req.Head {
			r.loose.note(plan)
			r.tables.reset()
		}
		return a, err
	}
	g, ref, ok := rt.find(plan, req.Client)
	listed := ok
	if !ok && rt.names(g, plan.Path) { // clients have a weak checksum for it, or none
		return r.passThrough(ctx, plan, req)
	}
	if !ok {
		if ref, ok = r.tables.lookup(ctx, plan.Path, req.Client); ok {
			g = rt.head()
		}
	}
	if !ok && plan.Digest != "" {
		return r.openByHash(ctx, rt, plan)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s: the root in %q does not name %s", ErrNotListed, r.Name, rt.dir, plan.Path)
	}
	if req.Head && ref.Size >= 0 && !r.m.store.Has(ref.Digest) {
		return headOf(ref), nil
	}
	c, err := r.fetchIndex(ctx, g.ByHash, ref)
	if err != nil && listed {
		inRole := func(role string) (repo.Ref, bool) { return rt.inRole(g, role) }
		c, err = r.unpack(ctx, g.ByHash, ref, r.formsOf(ref, inRole), err)
	}
	if err != nil {
		if errors.Is(err, ErrIncomplete) {
			rt.doubt() // upstream moved on: look what it has now
		}
		return nil, err
	}
	if listed {
		rt.use(ref.Path) // not before: what is listed and never there must not hold updates back
	}
	if named, _ := r.Adapter.Plan(ref.Path); named.Vouches || named.Rebuilds != "" {
		r.tables.prepare(ref.Path)
	}
	a := &Answer{Content: c, Strong: true}
	if listed {
		a.withKin(kin{r: r, plan: plan, rt: rt, g: g, role: r.role(ref.Path)})
	}
	return a, nil
}

// storedLoose reports an index that upstream gave when it had no root: while nobody
// can say whether it has one now, that is what there is.
func (r *repository) storedLoose(plan repo.Plan) bool {
	e, ok := r.m.store.Entry(r.Name + "/" + plan.Path)
	return ok && r.m.store.Has(e.Digest)
}

// rootOf finds the root that vouches for an index, asking upstream for one where
// none is known; nil where there is none.
func (r *repository) rootOf(ctx context.Context, plan repo.Plan) (*root, error) {
	var known []*root
	for _, dir := range plan.Roots {
		if rt := r.known(dir); rt != nil {
			known = append(known, rt)
		}
	}
	for _, rt := range known {
		if _, _, ok := rt.find(plan, nil); ok {
			return rt, nil
		}
	}
	if len(known) > 0 {
		return known[0], nil
	}
	for _, dir := range plan.Roots[:min(len(plan.Roots), discoverMax)] {
		if r.gone(join(dir, "/")) != nil {
			continue
		}
		if err := r.unkept(dir); err != nil {
			return nil, err
		}
		rt := r.root(dir)
		_, _, err := rt.current(ctx, "", false)
		r.noteUnkept(dir, err)
		if err == nil {
			return rt, nil
		}
		if !absent(err) && !denied(err) { // stores of objects refuse what they do not have
			return nil, err
		}
		r.forbear(join(dir, "/"), err)
	}
	return nil, nil
}

// find looks an index up: by the digest in its path in every generation, by path in
// the one that the client has, else in the current one.
func (rt *root) find(plan repo.Plan, client *Client) (*generation, repo.Ref, bool) {
	gens := rt.generations()
	if plan.Digest != "" {
		for _, g := range gens {
			if ref, ok := rt.listed(g, plan.Path); ok && ref.Digest == plan.Digest {
				return g, ref, true
			}
			if ref, ok := rt.named(g, plan.Digest); ok {
				return g, ref, true
			}
		}
	}
	g := gens[0]
	given := rt.r.given(client, rt.dir)
	for _, old := range gens[1:] {
		if string(old.ID) == given {
			g = old
		}
	}
	ref, ok := rt.listed(g, plan.Path)
	return g, ref, ok
}

// fetchIndex has the store give an index whole and checked. ErrIncomplete tells
// that upstream has it no more.
func (r *repository) fetchIndex(ctx context.Context, byHash bool, ref repo.Ref) (*cache.Content, error) {
	key := string(ref.Digest) // that upstream lacks it is remembered, for a moment
	if err := r.gone(key); err != nil && !r.m.store.Has(ref.Digest) {
		return nil, fmt.Errorf("%w: %s: %s: %w", ErrIncomplete, r.Name, ref.Path, err)
	}
	src := r.m.pinned(r.Shortcut, r.Name, ref, &source{group: r.Upstream, paths: r.places(ref, byHash)})
	c, err := r.m.store.Get(ctx, cache.Want{Account: r.Name, Digest: ref.Digest, Size: ref.Size, Source: src})
	err = r.late(key, err)
	var size *upstream.MismatchError
	if absent(err) || errors.Is(err, cache.ErrMismatch) || errors.As(err, &size) {
		return nil, fmt.Errorf("%w: %s: %s: %w", ErrIncomplete, r.Name, ref.Path, err)
	}
	return c, err
}

// openByHash serves an index that no generation we know names: the client has a
// newer root from elsewhere. The path tells what the bytes must be; upstream is
// asked once, and its 404 is remembered.
func (r *repository) openByHash(ctx context.Context, rt *root, plan repo.Plan) (*Answer, error) {
	if err := r.gone(plan.Path); err != nil {
		return nil, err
	}
	if !plan.Digest.Strong() {
		return nil, fmt.Errorf("%w: %s: %s", ErrNotListed, r.Name, plan.Path)
	}
	rt.doubt()
	src := &source{group: r.Upstream, name: r.Name, paths: []string{plan.Path}, size: -1, pinned: true}
	c, err := r.m.store.Get(ctx, cache.Want{Account: r.Name, Digest: plan.Digest, Size: -1, Source: src})
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	return &Answer{Content: c, Strong: true}, nil
}

// openLeaf serves a file that an index names. One that none names is passed
// through: shared while it is in flight, and not kept.
func (r *repository) openLeaf(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	ref, ok := r.tables.lookup(ctx, plan.Path, req.Client)
	if !ok {
		return r.passThrough(ctx, plan, req)
	}
	return r.openRef(ctx, ref, req)
}

// openRef serves what a digest names.
func (r *repository) openRef(ctx context.Context, ref repo.Ref, req Request) (*Answer, error) {
	if c, err := r.m.store.Object(ref.Digest); err == nil {
		return &Answer{Content: c, Strong: true}, nil
	}
	if req.Head && ref.Size >= 0 {
		return headOf(ref), nil
	}
	src := r.m.pinned(r.Shortcut, r.Name, ref, &source{group: r.Upstream, name: r.Name, paths: []string{ref.Path}})
	c, err := r.m.store.Get(ctx, cache.Want{Account: r.Name, Digest: ref.Digest, Size: ref.Size, Early: true, From: req.From, Source: src})
	if err != nil {
		return nil, err
	}
	return &Answer{Content: c, Strong: true}, nil
}

func (r *repository) passThrough(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	if err := r.gone(plan.Path); err != nil {
		return nil, err
	}
	if req.Head {
		return r.askHead(ctx, plan)
	}
	src := &source{group: r.Upstream, name: r.Name, paths: []string{plan.Path}, size: -1}
	c, err := r.m.store.Get(ctx, cache.Want{
		Name: r.Name + "/" + plan.Path, Size: -1, Early: true, Transient: true, From: req.From, Account: r.Name, Source: src,
	})
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	return &Answer{Content: c}, nil
}
