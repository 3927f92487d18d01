package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/repo/oci"
)

// Explanation is what mirrord knows of one path, and what it would do with a
// request for it now. Nothing is fetched for it.
type Explanation struct {
	Repo  string `json:"repo"`
	Path  string `json:"path"`
	Class string `json:"class"` // as of Object
	// Would is what a GET would do: hit, miss, revalidate, refuse, not-listed.
	Would string `json:"would"`
	Why   string `json:"why"`

	Root      *RootState    `json:"root,omitempty"`
	VouchedBy string        `json:"vouched_by,omitempty"` // the path of the root or index that names it
	Digest    digest.Digest `json:"digest,omitempty"`     // what it leads to
	Size      int64         `json:"size"`                 // bytes, -1 unknown
	Stored    bool          `json:"stored"`
	Accessed  *time.Time    `json:"accessed,omitempty"` // exact to ten minutes
	Names     []string      `json:"names,omitempty"`    // entries that lead to the object
	Pins      []string      `json:"pins,omitempty"`     // who pins it
	Underway  bool          `json:"underway"`           // a download, or what one left, is there

	Checked      *time.Time `json:"checked,omitempty"`     // when upstream last said that it holds
	FreshUntil   *time.Time `json:"fresh_until,omitempty"` // until then upstream is not asked
	ETag         string     `json:"etag,omitempty"`        // upstream's
	LastModified string     `json:"last_modified,omitempty"`

	Upstreams []MirrorState `json:"upstreams"`
}

// RootState is a root as it stands.
type RootState struct {
	Dir         string        `json:"dir"` // "" = the top
	Generation  digest.Digest `json:"generation,omitempty"`
	Date        *time.Time    `json:"date,omitempty"` // upstream's
	Current     *time.Time    `json:"current,omitempty"`
	Checked     *time.Time    `json:"checked,omitempty"` // when upstream last confirmed it
	Generations int           `json:"generations"`       // kept, the current one among them
	Refreshing  bool          `json:"refreshing"`
	Failure     string        `json:"failure,omitempty"` // of the last refresh
}

// Explain tells of one path; of a registry it is a path of its API, REPOSITORY:TAG or
// REPOSITORY@DIGEST.
func (m *Mirror) Explain(ctx context.Context, repoName, path string) (*Explanation, error) {
	if path == "" {
		return nil, badSelector("path is missing")
	}
	c, err := m.choose(Selector{Repo: repoName, Path: path})
	if err != nil {
		return nil, err
	}
	if c.only == "" {
		return nil, badSelector("path %.80q, expected REPOSITORY:TAG or REPOSITORY@DIGEST", path)
	}
	p := c.places[0]
	n := name{place: p, path: c.only, size: -1}
	e := &Explanation{Repo: p.name, Path: c.only, Class: n.class(), Size: -1, Upstreams: p.mirrors()}
	if p.r == nil {
		m.explainImage(e, p.reg, n)
		return e, nil
	}
	plan, err := p.r.Adapter.Plan(c.only)
	if err != nil {
		return nil, badSelector("path %.80q: %v", path, err)
	}
	p.r.explain(ctx, e, plan)
	return e, nil
}

func (r *repository) explain(ctx context.Context, e *Explanation, plan repo.Plan) {
	if err := r.gone(plan.Path); err != nil {
		defer e.would("refuse", "upstream said so a moment ago, which is remembered for %s: %v", missingFor, err)
	}
	switch plan.Class {
	case repo.Root:
		r.explainRoot(e, plan)
	case repo.Index, repo.Leaf:
		r.explainVouched(ctx, e, plan)
	default:
		r.m.explainEntry(e, name{place: place{r.Name, r, nil}, path: plan.Path, entry: true}, r.Fresh)
	}
}

func (e *Explanation) would(what, why string, args ...any) {
	e.Would, e.Why = what, fmt.Sprintf(why, args...)
}

func (r *repository) explainRoot(e *Explanation, plan repo.Plan) {
	rt := r.known(plan.Roots[0])
	if rt == nil {
		e.Root = &RootState{Dir: plan.Roots[0]}
		e.would("miss", "no generation of this root is known: its files are fetched and checked first")
		return
	}
	g := rt.head()
	e.Root = rt.state()
	member, ok := g.Members[plan.Member]
	r.m.explainObject(e, cache.Want{Digest: member.Digest})
	e.ETag, e.LastModified = member.Meta.ETag, member.Meta.LastModified
	if !ok {
		e.would("not-listed", "the current generation has no %s", plan.Member)
		return
	}
	if e.Root.Checked == nil {
		e.would("revalidate", "upstream has not been asked since the start")
		return
	}
	age := r.m.now().Sub(*e.Root.Checked)
	switch {
	case age.Abs() < r.Fresh && e.Stored:
		e.would("hit", "upstream confirmed it %s ago, and is asked after %s", age.Round(time.Second), r.Fresh)
	case e.Stored:
		e.would("revalidate", "upstream confirmed it %s ago, which is more than %s", age.Round(time.Second), r.Fresh)
	default:
		e.would("miss", "its bytes are not stored")
	}
}

// state is what is known of the root, which has a generation.
func (rt *root) state() *RootState {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	g := rt.gens[0]
	st := &RootState{
		Dir: rt.dir, Generation: g.ID, Date: moment(g.Date), Current: moment(g.Made), Checked: moment(rt.checked),
		Generations: len(rt.gens), Refreshing: rt.call != nil,
	}
	if rt.failure != nil {
		st.Failure = rt.failure.Error()
	}
	return st
}

func (r *repository) explainVouched(ctx context.Context, e *Explanation, plan repo.Plan) {
	ref, ok := repo.Ref{}, false
	for _, dir := range plan.Roots {
		rt := r.known(dir)
		if rt == nil {
			continue
		}
		e.Root = rt.state()
		if plan.Class == repo.Index {
			if _, ref, ok = rt.find(plan, nil); ok {
				e.VouchedBy = join(dir, "") + " (root)"
				break
			}
			if rt.names(rt.head(), plan.Path) {
				e.would("miss", "its root names it without a strong checksum: it is passed through and not kept")
				return
			}
		}
	}
	if !ok {
		if ref, ok = r.tables.lookup(ctx, plan.Path, nil); ok {
			e.VouchedBy = r.tables.voucher(plan.Path, ref)
		}
	}
	if !ok && plan.Class == repo.Leaf {
		e.would("miss", "no index that clients use names it: it is passed through and not kept")
		return
	}
	if !ok {
		e.would("not-listed", "no root that is known names it")
		return
	}
	e.Size = ref.Size
	r.m.explainObject(e, cache.Want{Digest: ref.Digest})
	if e.Stored {
		e.would("hit", "its bytes are stored, and its digest says that they cannot change")
		return
	}
	e.would("miss", "its digest is known and its bytes are not stored")
}

// voucher is the index that says ref of path.
func (t *tables) voucher(path string, ref repo.Ref) (index string) {
	list := t.all()
	t.r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range list {
			if found, ok := find(tx, tb.name(t.r.Name), path); ok && found.Digest == ref.Digest {
				index = tb.ref.Path
				return nil
			}
		}
		return nil
	})
	return index
}

// explainObject tells what is stored of w.
func (m *Mirror) explainObject(e *Explanation, w cache.Want) {
	e.Digest = w.Digest
	st, err := m.store.Stat(w.Digest)
	if w.Digest == "" || errors.Is(err, cache.ErrNotStored) {
		e.Underway = m.store.Known(w)
		return
	}
	at := time.UnixMilli(st.Accessed).UTC()
	e.Stored, e.Size, e.Names, e.Accessed = true, st.Size, st.Names, &at
	e.Pins, _ = m.store.PinOwners(st.Digest)
}

// explainEntry tells of a name that nobody vouches for.
func (m *Mirror) explainEntry(e *Explanation, n name, fresh time.Duration) {
	entry, ok := m.store.Entry(n.entryName())
	if !ok {
		e.Underway = m.store.Known(n.key())
		e.would("miss", "nothing is known by this name")
		return
	}
	m.explainObject(e, cache.Want{Digest: entry.Digest})
	checked, until := entry.Checked.UTC(), entry.Checked.Add(fresh).UTC()
	e.Checked, e.FreshUntil, e.ETag, e.LastModified = &checked, &until, entry.ETag, entry.LastModified
	switch {
	case !e.Stored:
		e.would("miss", "its bytes are not stored")
	case near(m.now(), entry.Checked, fresh):
		e.would("hit", "upstream said so less than %s ago", fresh)
	default:
		e.would("revalidate", "upstream was asked last more than %s ago", fresh)
	}
}

// explainImage tells of a name of a registry: what anybody would get who may read it.
func (m *Mirror) explainImage(e *Explanation, r *registry, n name) {
	if d, sum, ok := cutDigest(n.path); ok {
		m.explainObject(e, cache.Want{Digest: sum})
		who := "to who may read " + d + " upstream"
		if e.Stored {
			e.would("hit", "its bytes are stored; it is given %s", who)
		} else {
			e.would("miss", "its bytes are not stored; it is given %s", who)
		}
		return
	}
	n.entry = true
	m.explainEntry(e, n, r.Fresh)
	if !m.aliases.Empty() {
		repository, tag, _ := cutTag(n.path)
		places, err := m.names.Places(oci.Request{Kind: oci.KindManifest, Namespace: r.Name, Repository: repository, Tag: tag}, m.aliases)
		if err == nil && len(places) > 0 && (places[0].Registry != r.Name || places[0].Repository != repository || places[0].Tag != tag) {
			e.Why += fmt.Sprintf("; an alias leads to %s/%s:%s", places[0].Registry, places[0].Repository, places[0].Tag)
		}
	}
}
