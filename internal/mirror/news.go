package mirror

import (
	"context"
	"errors"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
)

// Act is what others may want to hear of.
type Act string

// A root or a tag leads to something else than before; an operator has purged or
// refreshed something.
const (
	RootMoved Act = "root"
	TagMoved  Act = "tag"
	WasPurged Act = "purge"
	WasAsked  Act = "refresh"
)

// Change is one such act. Path is the directory of a root, REPOSITORY:TAG, or the path that
// was refreshed, "" for every root; a purge has all of its Selector. Digest is what the root
// or the tag leads to: a root's is its generation's.
type Change struct {
	Act Act
	Selector
}

// changed tells who wants to know. No lock is held, and no transaction is open.
func (m *Mirror) changed(ctx context.Context, act Act, s Selector) {
	if m.tell != nil {
		m.tell(ctx, Change{act, s})
	}
}

// purged tells it of each repository, since not everybody may hear of all.
func (m *Mirror) purged(ctx context.Context, c chosen, s Selector) {
	for _, p := range c.places {
		s.Repo = p.name
		m.changed(ctx, WasPurged, s)
	}
}

// moved tells that a tag leads to d, where everybody may read the repository.
func (w wish) moved(ctx context.Context, d digest.Digest) {
	if w.shared() || w.r.public(w.repository) {
		w.r.m.changed(ctx, TagMoved, Selector{Repo: w.r.Name, Path: w.repository + ":" + w.tag, Digest: d})
	}
}

// EachRoot calls fn with the roots of all repositories, as they are.
func (m *Mirror) EachRoot(fn func(Change)) {
	for _, r := range m.repos {
		for _, rt := range r.allRoots() {
			if g := rt.head(); g != nil {
				fn(Change{RootMoved, Selector{Repo: r.Name, Path: rt.dir, Digest: g.ID}})
			}
		}
	}
}

// Heed takes it for true that a root or a tag of the repository has moved: with now it is
// refreshed at once, else at the next client's question. path is a Change's; "" means all
// that are known. What is not known here stays so.
func (m *Mirror) Heed(ctx context.Context, repoName, path string, now bool) error {
	c, err := m.choose(Selector{Repo: repoName})
	if err != nil {
		return err
	}
	p := c.places[0]
	if p.r != nil {
		var errs []error
		for _, rt := range p.r.allRoots() {
			if path == "" || rt.dir == path {
				errs = append(errs, rt.heed(ctx, now))
			}
		}
		return errors.Join(errs...)
	}
	if path != "" {
		return p.reg.heed(ctx, path, now)
	}
	var tags []string
	err = m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			if repository, _, ok := cutTag(n.path); ok && n.entry && oci.IsRepository(repository) {
				tags = append(tags, n.path)
			}
		}
		return true, nil
	})
	errs := []error{err}
	for _, tag := range tags {
		errs = append(errs, p.reg.heed(ctx, tag, now))
	}
	return errors.Join(errs...)
}

func (rt *root) heed(ctx context.Context, now bool) error {
	if rt.head() == nil {
		return nil
	}
	if !now {
		rt.forget()
		return nil
	}
	done := rt.renew(ctx, rt.dir+"/")
	return done.err()
}

// heed does it for a tag, as nobody: a registry's private images are not a hub's to tell of.
func (r *registry) heed(ctx context.Context, tag string, now bool) error {
	name := r.Name + "/" + tag
	if _, ok := r.m.store.Entry(name); !ok {
		return nil
	}
	repository, _, _ := cutTag(tag)
	if w := (wish{r: r, repository: repository}); !now || !w.shared() && !r.public(repository) {
		return r.m.store.Expire(name)
	}
	done := r.m.refreshImage(ctx, r, tag)
	return done.err()
}

// err is why it failed; what is gone upstream did not fail.
func (done Refreshed) err() error {
	if done.Outcome == Failed {
		return errors.New(done.Error)
	}
	return nil
}
