package mirror

import (
	"context"
	"fmt"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirrorlist"
	"mirrord/internal/repo"
)

// promiseFor is how long an address that was told of a root is given no newer one: by a
// metalink, as dnf asks for the file at once, or by HEAD, as zypper asks for the
// signature next and then for the file.
const promiseFor = 5 * time.Second

// promise is the file of a root that an address was told of.
type promise struct {
	text  digest.Digest
	until time.Time
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
	rt.promise(req.Client, a.Digest, plan.Member)
	s := States{Now: mirrorlist.State{Digest: a.Digest, Size: a.Size}, Stale: a.Stale}
	for _, g := range rt.generations() { // not before the promise: the newest must be among them
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

// promise has the client's address be given no newer text for a while. What is not the
// newest any more is promised once: the newest is among the others that are told, and
// a crowd behind one address must not keep it from itself.
func (rt *root) promise(c *Client, text digest.Digest, member string) {
	g := rt.head()
	if c == nil || g == nil {
		return
	}
	key, now := seenKey{c.Addr, join(rt.dir, member)}, rt.r.m.now()
	was, ok := rt.r.promises.Get(key)
	if ok && was.text == text && now.Before(was.until) && g.Members[member].Digest != text {
		return
	}
	rt.r.promises.Add(key, promise{text, now.Add(promiseFor)})
}

// promised is the generation whose member the client's address was promised, nil where
// none was.
func (rt *root) promised(c *Client, member string) *generation {
	if c == nil {
		return nil
	}
	p, ok := rt.r.promises.Get(seenKey{c.Addr, join(rt.dir, member)})
	if !ok || !rt.r.m.now().Before(p.until) {
		return nil
	}
	for _, g := range rt.generations() {
		if g.Members[member].Digest == p.text && rt.r.m.store.Has(p.text) {
			return g
		}
	}
	return nil
}
