package mirror

import (
	"context"
	"fmt"
	"sync"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirrorlist"
	"mirrord/internal/repo"

	lru "github.com/hashicorp/golang-lru/v2"
)

// promiseFor is how long an address that was told of a root is given no newer one: by a
// metalink, as dnf asks for the file at once, or by HEAD, as zypper asks for the
// signature next and then for the file.
const promiseFor = 5 * time.Second

// promise is that nothing newer is given until then.
type promise struct {
	newest digest.Digest
	until  time.Time
}

// promises are kept by address and file, the oldest first: as long as a file is the
// newest, the promise about it is prolonged.
type promises struct {
	mu   sync.Mutex // held while one is made
	kept *lru.Cache[seenKey, []promise]
}

// States are those that a client may be given of one root.
type States struct {
	Now    mirrorlist.State   // what it is given now
	Others []mirrorlist.State // what it may be given as well
	Stale  string             // as an Answer's
}

// States tells the states of the root that req is for, and keeps for a moment to what
// it tells: the client is given one of these.
func (m *Mirror) States(ctx context.Context, req Request) (States, error) {
	r, plan, err := m.plan(req)
	if err != nil {
		return States{}, err
	}
	if plan.Class != repo.Root {
		return States{}, fmt.Errorf("%w: %s: %s", ErrNotListed, r.Name, plan.Path)
	}
	a, err := r.openRoot(ctx, plan, req)
	if err != nil {
		return States{}, err
	}
	defer a.Close()
	rt := r.root(plan.Roots[0])
	if g := rt.head(); g != nil {
		rt.promise(req.Client, g.Members[plan.Member].Digest, plan.Member)
	}
	s := States{Now: mirrorlist.State{Digest: a.Digest, Size: a.Size}, Stale: a.Stale}
	for _, g := range rt.generations() { // after the promise: what is the newest by then is among them
		switch text := g.Members[plan.Member].Digest; {
		case text == a.Digest:
			s.Now.Date = g.Date
		case text != "":
			if c, err := r.m.store.Object(text); err == nil {
				s.Others = append(s.Others, mirrorlist.State{Digest: text, Size: c.Size, Date: g.Date})
				c.Close()
			}
		}
	}
	return s, nil
}

// promise has the client's address be given nothing newer than that for a while.
func (rt *root) promise(c *Client, newest digest.Digest, member string) {
	if c == nil {
		return
	}
	key, now := seenKey{c.Addr, join(rt.dir, member)}, rt.r.m.now()
	rt.r.promises.mu.Lock()
	defer rt.r.promises.mu.Unlock()
	before, _ := rt.r.promises.kept.Get(key)
	var all []promise // not before itself: others read that
	for _, p := range before {
		if now.Before(p.until) && p.newest != newest {
			all = append(all, p)
		}
	}
	all = append(all, promise{newest, now.Add(promiseFor)})
	rt.r.promises.kept.Add(key, all[max(0, len(all)-keepGenerations):])
}

// promised is the generation that the oldest promise to the client's address is about,
// nil where none holds.
func (rt *root) promised(c *Client, member string) *generation {
	if c == nil {
		return nil
	}
	all, _ := rt.r.promises.kept.Get(seenKey{c.Addr, join(rt.dir, member)})
	for _, p := range all {
		if !rt.r.m.now().Before(p.until) {
			continue
		}
		for _, g := range rt.generations() {
			if g.Members[member].Digest == p.newest && rt.r.m.store.Has(p.newest) {
				return g
			}
		}
	}
	return nil
}
