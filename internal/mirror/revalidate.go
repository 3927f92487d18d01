package mirror

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// Outcome is what became of a refresh.
type Outcome string

// What a refresh ends with. Healed: the stored bytes were not right, and were
// fetched again. Fetched: nothing was stored.
const (
	Unchanged Outcome = "unchanged"
	Changed   Outcome = "changed"
	Healed    Outcome = "healed"
	Fetched   Outcome = "fetched"
	GoneAway  Outcome = "gone"
	Failed    Outcome = "failed"
)

// Refreshed is one name after a refresh.
type Refreshed struct {
	Repo    string        `json:"repo"`
	Path    string        `json:"path"`
	Outcome Outcome       `json:"outcome"`
	Digest  digest.Digest `json:"digest,omitempty"` // of what is served now
	Error   string        `json:"error,omitempty"`  // for gone and failed
}

// Refresh asks upstream now for what may have changed, and looks at the bytes of what
// may not. Without a path it refreshes every root that is known. It waits for the
// outcome; what fails leaves what was there.
func (m *Mirror) Refresh(ctx context.Context, repoName, path string) ([]Refreshed, error) {
	c, err := m.choose(Selector{Repo: repoName, Path: path})
	if err != nil {
		return nil, err
	}
	all, err := m.refresh(ctx, c, path)
	if err == nil {
		m.changed(ctx, WasAsked, Selector{Repo: repoName, Path: path})
	}
	return all, err
}

func (m *Mirror) refresh(ctx context.Context, c chosen, path string) ([]Refreshed, error) {
	p := c.places[0]
	p.forgetAbsences()
	switch {
	case path == "" && p.r == nil:
		return nil, badSelector("path is missing, expected REPOSITORY:TAG of the registry %s", p.name)
	case path == "":
		return p.r.refreshRoots(ctx), ctx.Err()
	case c.only == "":
		return nil, badSelector("path %.80q, expected REPOSITORY:TAG or REPOSITORY@DIGEST", path)
	case p.r == nil:
		return []Refreshed{m.refreshImage(ctx, p.reg, c.only)}, ctx.Err()
	}
	plan, err := p.r.Adapter.Plan(c.only)
	if err != nil {
		return nil, badSelector("path %.80q: %v", path, err)
	}
	return []Refreshed{p.r.refreshPath(ctx, plan)}, ctx.Err()
}

func (r *repository) refreshRoots(ctx context.Context) (all []Refreshed) {
	roots := r.allRoots()
	slices.SortFunc(roots, func(a, b *root) int { return strings.Compare(a.dir, b.dir) })
	for _, rt := range roots {
		all = append(all, rt.renew(ctx, rt.dir+"/"))
	}
	return all
}

func (r *repository) refreshPath(ctx context.Context, plan repo.Plan) Refreshed {
	if plan.Class == repo.Root {
		rt := r.root(plan.Roots[0])
		rt.use(plan.Path)
		done := rt.renew(ctx, plan.Path)
		if g := rt.head(); g != nil {
			done.Digest = g.Members[plan.Member].Digest
		}
		return done
	}
	done := Refreshed{Repo: r.Name, Path: plan.Path}
	before, rotten := r.m.verified(ctx, r.digestOf(ctx, plan))
	if err := r.m.store.Expire(r.Name + "/" + plan.Path); err != nil {
		return done.failed(err)
	}
	a, err := r.m.Open(ctx, Request{Repo: r.Name, Path: plan.Path})
	return conclude(done, a, err, before, rotten, func() digest.Digest { return r.digestOf(ctx, plan) })
}

// digestOf is what a path that is no root leads to now, "" where nothing is known.
func (r *repository) digestOf(ctx context.Context, plan repo.Plan) digest.Digest {
	if plan.Class == repo.Free {
		e, _ := r.m.store.Entry(r.Name + "/" + plan.Path)
		return e.Digest
	}
	if plan.Digest != "" {
		return plan.Digest
	}
	for _, dir := range plan.Roots {
		if rt := r.known(dir); rt != nil && plan.Class == repo.Index {
			if _, ref, ok := rt.find(plan, nil); ok {
				return ref.Digest
			}
		}
	}
	ref, _ := r.tables.lookup(ctx, plan.Path, nil)
	return ref.Digest
}

// renew has the root refreshed now. One that is under way may have asked before
// upstream changed, so it is not taken for it.
func (rt *root) renew(ctx context.Context, path string) Refreshed {
	done := Refreshed{Repo: rt.r.Name, Path: path, Outcome: Unchanged}
	before := rt.head()
	rt.mu.Lock()
	under := rt.call
	rt.mu.Unlock()
	if under != nil {
		if err := rt.wait(ctx, under, 0); ctx.Err() != nil {
			return done.failed(err)
		}
	}
	rt.forget()
	_, _, err := rt.refreshed(ctx)
	after := rt.head()
	switch {
	case err != nil:
		return done.failed(err)
	case before == nil:
		done.Outcome = Fetched
	case after.ID != before.ID || !maps.EqualFunc(after.Members, before.Members, func(a, b member) bool { return a.Digest == b.Digest }):
		done.Outcome = Changed
	}
	done.Digest = after.ID
	return done
}

// refreshed waits for a refresh to its end.
func (rt *root) refreshed(ctx context.Context) (*generation, string, error) {
	c, g, _ := rt.begin("")
	if c == nil {
		return g, "", nil
	}
	return rt.head(), "", rt.wait(ctx, c, 0)
}

// refreshImage does it for REPOSITORY:TAG and REPOSITORY@DIGEST, with mirrord's own
// credentials or none.
func (m *Mirror) refreshImage(ctx context.Context, r *registry, path string) Refreshed {
	done := Refreshed{Repo: r.Name, Path: path}
	pull, _ := pullOf(r.Name, path)
	before, rotten := digest.Digest(""), false
	if pull.Digest != "" {
		before, rotten = m.verified(ctx, pull.Digest)
		if before != "" && !rotten {
			return done.unchanged(before)
		}
	} else {
		e, _ := m.store.Entry(r.Name + "/" + path)
		before, rotten = m.verified(ctx, e.Digest)
		if err := m.store.Expire(r.Name + "/" + path); err != nil {
			return done.failed(err)
		}
	}
	a, err := m.Pull(ctx, pull)
	return conclude(done, a, err, before, rotten, func() digest.Digest { return a.Digest })
}

// verified looks at the bytes that are stored of d: the digest where there are some,
// and whether they were not right.
func (m *Mirror) verified(ctx context.Context, d digest.Digest) (was digest.Digest, rotten bool) {
	st, err := m.store.Stat(d)
	if d == "" || err != nil {
		return "", false
	}
	err = m.store.Verify(ctx, d, nil)
	if errors.Is(err, cache.ErrRotten) {
		m.log.Error("a stored object was not right any more; it is removed", "digest", string(st.Digest), "err", err)
		return st.Digest, true
	}
	return st.Digest, false
}

// conclude reads the answer to its end and says what it means, by what was stored
// before and is known to be after.
func conclude(done Refreshed, a *Answer, err error, before digest.Digest, rotten bool, after func() digest.Digest) Refreshed {
	if err == nil {
		_, err = a.drain()
		if err == nil && a.Stale != "" {
			err = errors.New(a.Stale)
		}
	}
	if err != nil {
		return done.failed(err)
	}
	done.Digest = after()
	switch {
	case rotten:
		done.Outcome = Healed
	case before == "":
		done.Outcome = Fetched
	case done.Digest == before:
		done.Outcome = Unchanged
	default:
		done.Outcome = Changed
	}
	return done
}

func (done Refreshed) unchanged(d digest.Digest) Refreshed {
	done.Outcome, done.Digest = Unchanged, d
	return done
}

// told is an error as an operator at another machine is told it: what went wrong with a
// file of this one is for the log.
func told(err error) string {
	var file *fs.PathError
	var link *os.LinkError
	if errors.As(err, &file) || errors.As(err, &link) {
		slog.Error("an operator's act failed at a file", "err", err)
		return "a file of the data directory cannot be used; the log has more"
	}
	return err.Error()
}

// failed is the outcome of an error.
func (done Refreshed) failed(err error) Refreshed {
	done.Outcome, done.Error = Failed, told(err)
	var said *upstream.StatusError
	if errors.As(err, &said) && (said.Code == http.StatusNotFound || said.Code == http.StatusGone) || errors.Is(err, ErrNotListed) {
		done.Outcome = GoneAway
	}
	return done
}
