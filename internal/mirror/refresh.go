package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// rootMax bounds the files of a root; Debian's are under 1 MiB.
const rootMax = 64 << 20

// candidate is what one mirror has as the root.
type candidate struct {
	mirror  string
	files   map[string][]byte
	metas   map[string]cache.Meta
	lacks   []string
	none    error // upstream's no to what it lacks
	fault   error // of a signature that is left out, nil = none is
	listing repo.Listing
	back    bool // it is older than the current one, and taken all the same
}

var errOlder = errors.New("its root is older than the one known")

// refresh asks mirror after mirror until one confirms the current generation or
// has a newer one that holds together.
func (rt *root) refresh(ctx context.Context) error {
	if err := rt.r.Upstream.Ready(ctx, rt.dir); err != nil {
		return err
	}
	var errs []error
	var unsigned, older []*candidate
	for _, mirror := range rt.r.Upstream.Mirrors() {
		c, err := rt.fetch(ctx, mirror)
		if err == nil {
			err = rt.vet(ctx, mirror, c)
		}
		if err == nil && c == nil {
			return rt.confirm(ctx)
		}
		if err == nil && c.fault != nil { // another mirror may have the right signature
			unsigned, err = append(unsigned, c), c.fault
		}
		if err == nil {
			err = rt.adopt(ctx, c)
			rt.rank(mirror, err)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errOlder) {
			older = append(older, c)
		}
		errs = append(errs, err)
	}
	if len(older) > 0 && failure(errs) == nil && rt.wentBack() {
		return rt.goBack(ctx, older)
	}
	return rt.unsigned(ctx, unsigned, errs)
}

// unsigned takes the first candidate that is whole but for its signature, since no
// mirror has one with it; errs is what came of the mirrors.
func (rt *root) unsigned(ctx context.Context, candidates []*candidate, errs []error) error {
	for _, c := range candidates {
		if cur := rt.head(); cur != nil && cur.ID == c.listing.ID {
			return rt.confirm(ctx) // with the signature it has
		}
		rt.r.m.log.Warn("a signature is left out that does not belong to its root", "repo", rt.r.Name, "root", rt.dir, "err", c.fault)
		err := rt.adopt(ctx, c)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return cmp.Or(failure(errs), errors.Join(errs...))
}

// failure is the first error that says more than that a mirror has no root or an older
// one; nil where there is none.
func failure(errs []error) error {
	for _, err := range errs {
		if !absent(err) && !errors.Is(err, errOlder) {
			return err
		}
	}
	return nil
}

// wentBack notes that no mirror has a root but an older one, and tells
// whether that has been so for vanishedFor.
func (rt *root) wentBack() bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	now := rt.r.m.now()
	if rt.back.IsZero() {
		rt.back = now
	}
	return now.Sub(rt.back) >= vanishedFor
}

// goBack adopts the newest of candidates that are older than what is known: upstream
// has gone back to it, or had dated the known one wrong.
func (rt *root) goBack(ctx context.Context, older []*candidate) error {
	c := slices.MaxFunc(older, func(a, b *candidate) int { return a.listing.Date.Compare(b.listing.Date) })
	c.back = true
	rt.r.m.log.Warn("upstream has gone back to an older root", "repo", rt.r.Name, "root", rt.dir, "date", c.listing.Date)
	return rt.adopt(ctx, c)
}

// behindFor is how long a mirror is passed over for roots that had an older one:
// the hour in which most synchronise is too long for one that just did.
const behindFor = 15 * time.Minute

// rank remembers how fresh a mirror is by what came of its root.
func (rt *root) rank(mirror string, err error) {
	switch {
	case err == nil:
		rt.r.Upstream.Behind(mirror, time.Time{})
	case errors.Is(err, errOlder):
		rt.r.Upstream.Behind(mirror, rt.r.m.now().Add(behindFor))
	}
}

// fetch gets the root's files from one mirror; nil where they are what is
// current. A candidate with a fault serves where no mirror has one without.
func (rt *root) fetch(ctx context.Context, mirror string) (*candidate, error) {
	c := &candidate{mirror: mirror, files: make(map[string][]byte), metas: make(map[string]cache.Meta)}
	cur := rt.head()
	used := rt.usedPaths()
	changed := cur == nil
	for _, group := range rt.r.Adapter.Members() {
		asked := slices.ContainsFunc(group, func(n string) bool { return slices.Contains(used, join(rt.dir, n)) })
		if len(c.files) > 0 && !asked {
			continue
		}
		fresh, err := rt.fetchGroup(ctx, c, cur, group)
		if err != nil {
			return nil, err
		}
		changed = changed || fresh
	}
	if len(c.files) == 0 {
		return nil, c.none
	}
	if !changed && len(c.files) >= len(cur.Members) && slices.Equal(c.lacks, cur.Lacks) {
		return nil, nil
	}
	less, err := rt.readRoot(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w: %w", rt.r.Name, mirror, ErrBadRoot, err)
	}
	lost := rt.lost(c, cur)
	switch same := cur != nil && c.listing.ID == cur.ID; {
	case same && len(lost) > 0:
		c.fault = rt.misses(c, lost[0])
		return c, nil
	case same && less && c.fault == nil:
		return nil, nil
	case !same:
		err = rt.hold(c, lost)
	}
	return c, err
}

// confirm keeps what clients use of the current generation in the store: it was
// asked for, so it is not what eviction should take first.
func (rt *root) confirm(ctx context.Context) error {
	g := rt.head()
	var inUse []digest.Digest
	for _, m := range g.Members {
		inUse = append(inUse, m.Digest)
	}
	for _, p := range rt.usedPaths() {
		ref, ok := rt.inRole(g, p)
		if !ok {
			continue
		}
		inUse = append(inUse, ref.Digest)
		if !rt.r.m.store.Has(ref.Digest) {
			if err := rt.r.ensure(ctx, g, ref); err != nil {
				rt.r.m.log.Warn("an evicted index could not be fetched again", "repo", rt.r.Name, "path", p, "err", err)
			}
		}
	}
	rt.r.m.store.Touch(inUse...)
	return nil
}

// adopt proves a candidate and makes it the current generation.
func (rt *root) adopt(ctx context.Context, c *candidate) error {
	cur := rt.head()
	if cur != nil && !c.back && !c.listing.Date.IsZero() && c.listing.Date.Before(cur.Date) {
		return fmt.Errorf("%s: %s: %w", rt.r.Name, c.mirror, errOlder)
	}
	g := &generation{
		ID: c.listing.ID, Members: make(map[string]member), Lacks: c.lacks,
		ByHash: c.listing.ByHash, Date: c.listing.Date, Made: rt.r.m.now(),
	}
	if cur == nil || cur.ID != g.ID {
		if err := rt.prove(ctx, g, c.listing); err != nil {
			return fmt.Errorf("%s: %s: %w", rt.r.Name, c.mirror, err)
		}
	}
	for name, data := range c.files {
		d, err := rt.r.m.store.Put(rt.r.Name, data, c.metas[name])
		if err != nil {
			return fmt.Errorf("%s: a root %w: %w", rt.r.Name, errUnkept, err)
		}
		g.Members[name] = member{Digest: d, Meta: c.metas[name]}
	}
	return rt.flip(g, c.listing)
}

// flip makes g current.
func (rt *root) flip(g *generation, l repo.Listing) error {
	if err := rt.record(g, l); err != nil {
		return fmt.Errorf("%s: a generation %w: %w", rt.r.Name, errUnkept, err)
	}
	rt.r.tables.reset()
	rt.r.m.unsettle()
	if n := len(l.Unchecked); n > 0 {
		rt.r.m.log.Warn("metadata without a SHA-256 or SHA-512 is passed through and not kept", "repo", rt.r.Name, "root", rt.dir, "files", n)
	}
	rt.r.m.changed(rt.r.m.ctx, RootMoved, Selector{Repo: rt.r.Name, Path: rt.dir, Digest: g.ID})
	rt.r.m.log.Info("generation is current", "repo", rt.r.Name, "root", rt.dir, "date", g.Date, "id", g.ID)
	return nil
}

// record puts g in front of the generations, in one write.
func (rt *root) record(g *generation, l repo.Listing) error {
	rt.saving.Lock()
	defer rt.saving.Unlock()
	rt.mu.Lock()
	gens := []*generation{g}
	var before []*generation // the same state when it was current before, for the history
	for i, old := range rt.gens {
		if i == 0 {
			replaced := *old
			replaced.Until = g.Made
			old = &replaced
		}
		if old.ID == g.ID {
			before = append(before, old)
			continue
		}
		gens = append(gens, old)
	}
	keep := min(len(gens), keepGenerations)
	st := rootState{Gens: gens[:keep], Used: rt.used}
	held, drop := rt.sortOut(st.Gens, slices.Concat(before, gens[keep:], rt.held))
	st.Held = held
	rt.mu.Unlock()
	if err := rt.save(st, g, l, drop); err != nil {
		return err
	}
	rt.mu.Lock()
	rt.gens, rt.held = st.Gens, st.Held
	rt.mu.Unlock()
	return nil
}
