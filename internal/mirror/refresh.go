package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// rootMax bounds the files of a root; Debian's are under 1 MiB.
const rootMax = 64 << 20

// candidate is what one mirror has as the root.
type candidate struct {
	mirror  string
	files   map[string][]byte
	metas   map[string]cache.Meta
	lacks   []string
	listing repo.Listing
}

var errOlder = errors.New("its root is older than the one known")

// refresh asks mirror after mirror until one confirms the current generation or
// has a newer one that holds together.
func (rt *root) refresh(ctx context.Context) error {
	var errs []error
	for _, mirror := range rt.r.Upstream.Mirrors() {
		c, err := rt.fetch(ctx, mirror)
		if err == nil && c != nil {
			err = rt.adopt(ctx, c)
			rt.rank(mirror, err)
		}
		if err == nil && c == nil {
			return rt.confirm(ctx)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, err)
	}
	// A failure says more than another mirror's 404.
	for _, err := range errs {
		if !absent(err) && !errors.Is(err, errOlder) {
			return err
		}
	}
	return errors.Join(errs...)
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
// current.
func (rt *root) fetch(ctx context.Context, mirror string) (*candidate, error) {
	c := &candidate{mirror: mirror, files: make(map[string][]byte), metas: make(map[string]cache.Meta)}
	cur := rt.head()
	used := rt.usedPaths()
	changed := cur == nil
	var none error
	for _, group := range rt.r.Adapter.Members() {
		asked := slices.ContainsFunc(group, func(n string) bool { return slices.Contains(used, join(rt.dir, n)) })
		if len(c.files) > 0 && !asked {
			continue
		}
		for _, name := range group {
			fresh, err := rt.fetchMember(ctx, c, cur, name)
			if absent(err) {
				c.lacks, none = append(c.lacks, name), err
				continue
			}
			if err != nil {
				return nil, err
			}
			changed = changed || fresh
		}
	}
	if len(c.files) == 0 {
		return nil, none
	}
	if !changed && len(c.files) >= len(cur.Members) && slices.Equal(c.lacks, cur.Lacks) {
		return nil, nil
	}
	var err error
	c.listing, err = rt.r.Adapter.Root(rt.dir, c.files)
	if err != nil && c.preferOnly(rt.r.Adapter.Members()) {
		c.listing, err = rt.r.Adapter.Root(rt.dir, c.files)
		if err == nil && cur != nil && c.listing.ID == cur.ID {
			return nil, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w: %w", rt.r.Name, mirror, ErrBadRoot, err)
	}
	return c, nil
}

// preferOnly drops all files but those of the first group that is there, and
// reports whether it dropped any: a Release that is left to rot beside an
// InRelease, and that a single client asks for, must not hold up everybody.
func (c *candidate) preferOnly(groups [][]string) (dropped bool) {
	kept := false
	for _, group := range groups {
		there := false
		for _, name := range group {
			if _, ok := c.files[name]; !ok {
				continue
			}
			there = true
			if kept {
				delete(c.files, name)
				c.lacks, dropped = append(c.lacks, name), true
			}
		}
		kept = kept || there
	}
	return dropped
}

// fetchMember gets one file of the root and reports whether it is not the
// current generation's.
func (rt *root) fetchMember(ctx context.Context, c *candidate, cur *generation, name string) (fresh bool, err error) {
	req := upstream.Request{Path: join(rt.dir, name), Size: -1, Mirror: c.mirror}
	var old []byte
	var m member
	if cur != nil {
		req.Patience = patience // there is something to serve meanwhile
		m = cur.Members[name]
		if old = rt.stored(m); old != nil {
			req.Unless = validator(m.Meta)
		}
	}
	body, err := rt.r.Upstream.Open(ctx, req)
	if errors.Is(err, upstream.ErrNotModified) {
		c.files[name], c.metas[name] = old, m.Meta
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, rootMax+1))
	if err != nil {
		return false, err
	}
	if len(data) > rootMax {
		return false, fmt.Errorf("%s: %s: %s is larger than %d bytes", rt.r.Name, c.mirror, name, rootMax)
	}
	c.files[name] = data
	c.metas[name] = cache.Meta{ETag: body.Validator.ETag, LastModified: body.Validator.LastModified, ContentType: body.ContentType}
	if old != nil && digest.Of(data) == m.Digest {
		c.metas[name] = m.Meta // other validators of the same bytes change nothing
		return false, nil
	}
	return true, nil
}

// stored reads a member's bytes, nil where the store has them no more.
func (rt *root) stored(m member) []byte {
	if m.Digest == "" {
		return nil
	}
	c, err := rt.r.m.store.Object(m.Digest)
	if err != nil {
		return nil
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	if err != nil {
		return nil
	}
	return data
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
		ref, ok := rt.listed(g, p)
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
	if cur != nil && c.listing.Date.Before(cur.Date) {
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
		d, err := rt.r.m.store.Put(data, c.metas[name])
		if err != nil {
			return fmt.Errorf("%s: a root cannot be stored: %w", rt.r.Name, err)
		}
		g.Members[name] = member{Digest: d, Meta: c.metas[name]}
	}
	return rt.flip(g, c.listing.Refs)
}

// flip makes g current.
func (rt *root) flip(g *generation, refs []repo.Ref) error {
	if err := rt.record(g, refs); err != nil {
		return fmt.Errorf("%s: a generation cannot be recorded: %w", rt.r.Name, err)
	}
	rt.r.tables.reset()
	rt.r.tables.prune()
	rt.r.m.log.Info("generation is current", "repo", rt.r.Name, "root", rt.dir, "date", g.Date, "id", g.ID)
	return nil
}

// record puts g in front of the generations, in one write.
func (rt *root) record(g *generation, refs []repo.Ref) error {
	rt.saving.Lock()
	defer rt.saving.Unlock()
	rt.mu.Lock()
	gens := []*generation{g}
	for _, old := range rt.gens {
		if old.ID != g.ID {
			gens = append(gens, old)
		}
	}
	keep := min(len(gens), keepGenerations)
	st := rootState{Gens: gens[:keep], Used: rt.used}
	rt.mu.Unlock()
	if err := rt.save(st, g, refs, gens[keep:]); err != nil {
		return err
	}
	rt.mu.Lock()
	rt.gens = st.Gens
	rt.mu.Unlock()
	return nil
}
