package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// root is the mutable head of one suite: its generations and its refreshes.
type root struct {
	r   *repository
	dir string

	saving  sync.Mutex // held while a state is worked out and written, so that none overtakes another; taken before mu
	mu      sync.Mutex
	gens    []*generation        // current first; guarded by mu, the generations never change
	viewed  []string             // roles asked for of older states; guarded by mu
	held    []*generation        // older ones that are kept; guarded by mu
	used    map[string]time.Time // guarded by mu
	lacking map[string]time.Time // used paths that a newer root lists and upstream has not, since when; guarded by mu
	back    time.Time            // since when all mirrors have an older root than the current one, zero = they have not; guarded by mu
	checked time.Time            // when upstream last confirmed the current one; guarded by mu
	call    *call                // the refresh under way, nil none; guarded by mu
	failure error                // of the last refresh, nil where it succeeded; guarded by mu
	nextTry time.Time            // after a failure; guarded by mu
}

// call is one refresh. err is set before done is closed.
type call struct {
	started  time.Time
	patience time.Duration // of those who could have something stale
	done     chan struct{}
	err      error
}

// root finds or makes the root at dir.
func (r *repository) root(dir string) *root {
	r.mu.Lock()
	defer r.mu.Unlock()
	rt, ok := r.roots[dir]
	if !ok {
		rt = &root{r: r, dir: dir, used: make(map[string]time.Time)}
		r.roots[dir] = rt
	}
	return rt
}

// known is the root at dir where it has a generation, else nil.
func (r *repository) known(dir string) *root {
	r.mu.Lock()
	rt := r.roots[dir]
	r.mu.Unlock()
	if rt == nil || rt.head() == nil {
		return nil
	}
	return rt
}

// allRoots are the roots that have been asked for, in no order.
func (r *repository) allRoots() []*root {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.roots))
}

// head is the current generation, nil where there is none.
func (rt *root) head() *generation {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if len(rt.gens) == 0 {
		return nil
	}
	return rt.gens[0]
}

// openRoot serves a file of the current generation.
func (r *repository) openRoot(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	if err := r.gone(plan.Path); err != nil {
		return nil, err
	}
	rt := r.root(plan.Roots[0])
	rt.use(plan.Path)
	for range evictedMost {
		if r.unkept(rt.dir) != nil {
			return r.passThrough(ctx, plan, req)
		}
		a, err := rt.open(ctx, plan, req)
		if errors.Is(r.noteUnkept(rt.dir, err), errUnkept) {
			continue
		}
		if !errors.Is(err, cache.ErrNotStored) {
			return a, err
		}
		rt.forget() // evicted: the next try fetches it again
	}
	if err := rt.lastFailure(); err != nil {
		return nil, fmt.Errorf("%s: %s was evicted while it was asked for: %w", r.Name, plan.Path, err)
	}
	return r.passThrough(ctx, plan, req)
}

// evictedMost is how often a root is fetched again that was evicted before it
// could be opened: a budget that all is in use of may take it, or a disk that gives
// nothing back.
const evictedMost = 3

// open gives a file of the current generation, ErrNotStored where it was evicted.
func (rt *root) open(ctx context.Context, plan repo.Plan, req Request) (*Answer, error) {
	r := rt.r
	told := rt.promised(req.Client, plan.Member) // before the wait
	gen, stale, err := rt.current(ctx, plan.Member, req.Edge)
	if err != nil {
		return nil, r.absent(plan.Path, err)
	}
	if told != nil {
		gen = told
	}
	if old := rt.signed(plan.Member, req.Client); old != nil {
		gen = old
	}
	m, ok := gen.Members[plan.Member]
	if !ok && stale != "" && !slices.Contains(gen.Lacks, plan.Member) {
		return nil, fmt.Errorf("%w: %s: %s", ErrIncomplete, r.Name, plan.Path)
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s has no %s", ErrNotListed, r.Name, plan.Path)
	}
	c, err := r.m.store.Object(m.Digest)
	if err != nil {
		return nil, err
	}
	if req.Head && told == nil {
		rt.promise(req.Client, m.Digest, plan.Member)
	}
	r.give(req.Client, rt.dir, string(gen.ID))
	c.Meta = m.Meta
	return &Answer{Content: c, Strong: true, Stale: stale}, nil
}

// signed is the generation of the text that the client has, where member is what was
// made of that text and is stored; else nil.
func (rt *root) signed(member string, client *Client) *generation {
	for _, group := range rt.r.Adapter.Members() {
		if !slices.Contains(group[1:], member) {
			continue
		}
		given := rt.r.given(client, rt.dir)
		for _, g := range rt.generations() {
			if m, ok := g.Members[member]; ok && string(g.ID) == given && rt.r.m.store.Has(m.Digest) {
				return g
			}
		}
	}
	return nil
}

// current gives the generation to serve now. An old one is confirmed or replaced
// first, as long as upstream does not keep the client waiting; stale says why
// that could not be. An edge is kept waiting for less.
func (rt *root) current(ctx context.Context, member string, edge bool) (g *generation, stale string, err error) {
	for range 2 { // a second time where the refresh under way did not know of member
		c, g, stale := rt.begin(member)
		if c == nil {
			return g, stale, nil
		}
		most := time.Duration(0)
		if g != nil {
			most = c.patience
		}
		if g != nil && edge {
			most = patienceAgain
		}
		err = rt.wait(ctx, c, most)
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		now := rt.head()
		switch {
		case err == nil && (member == "" || now.knows(member)):
			return now, "", nil
		case err != nil && now != nil:
			return now, staleReason(err), nil
		case err != nil:
			return nil, "", err
		}
	}
	return rt.head(), "", nil
}

// begin gives the current generation where it will do, with the reason where it
// is stale; else the refresh to wait for.
func (rt *root) begin(member string) (c *call, g *generation, stale string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	now := rt.r.m.now()
	if len(rt.gens) > 0 {
		g = rt.gens[0]
		missing := member != "" && !g.knows(member)
		if near(now, rt.checked, rt.r.Fresh) && !missing {
			return nil, g, ""
		}
		if rt.call == nil && now.Before(rt.nextTry) {
			return nil, g, staleReason(rt.failure)
		}
	}
	if rt.call == nil {
		rt.call = &call{started: time.Now(), patience: patienceWith(rt.r.Upstream, false), done: make(chan struct{})}
		rt.r.m.wg.Add(1)
		go rt.run(rt.call)
	}
	return rt.call, g, ""
}

// has reports a member that is there; g may be nil.
func (g *generation) has(member string) bool {
	if g == nil {
		return false
	}
	_, ok := g.Members[member]
	return ok
}

func (g *generation) knows(member string) bool {
	return g.has(member) || slices.Contains(g.Lacks, member)
}

// wait waits for a refresh: most at most, since it began; 0 = to its end.
func (rt *root) wait(ctx context.Context, c *call, most time.Duration) error {
	var late <-chan time.Time
	if most > 0 {
		t := time.NewTimer(most - time.Since(c.started))
		defer t.Stop()
		late = t.C
	}
	select {
	case <-c.done:
		return c.err
	case <-late:
		return cache.ErrPatience
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run refreshes the root and tells those who wait.
func (rt *root) run(c *call) {
	defer rt.r.m.wg.Done()
	before := rt.head()
	c.err = rt.refresh(rt.r.m.ctx)
	rt.r.refreshes.count(before, rt.head(), c.err)
	rt.mu.Lock()
	rt.call, rt.failure = nil, c.err
	if c.err == nil {
		rt.checked, rt.back = rt.r.m.now(), time.Time{}
	} else {
		rt.nextTry = rt.r.m.now().Add(retryAfter)
		rt.r.m.log.Warn("a root could not be refreshed", "repo", rt.r.Name, "root", rt.dir, "err", c.err)
	}
	empty := len(rt.gens) == 0
	rt.mu.Unlock()
	rt.r.settle(rt, empty)
	close(c.done)
}

// settle keeps no root that has no generation, lest every path that was ever
// asked for stay. One that was given up and then found again comes back.
func (r *repository) settle(rt *root, empty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := r.roots[rt.dir]
	switch {
	case empty && there == rt:
		delete(r.roots, rt.dir)
	case !empty && there == nil:
		r.roots[rt.dir] = rt
	}
}

// lastFailure is that of the last refresh, nil where it succeeded.
func (rt *root) lastFailure() error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.failure
}

// forget makes the next client have the root's files fetched that are missing.
func (rt *root) forget() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.checked, rt.nextTry = time.Time{}, time.Time{}
}

// doubt makes the next client have the root confirmed, though not before the
// pause after a failure is over: whoever asks for nonsense causes doubt.
func (rt *root) doubt() {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.checked = time.Time{}
}

// generations are the root's, current first.
func (rt *root) generations() []*generation {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Clone(rt.gens)
}
