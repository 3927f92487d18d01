package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/upstream"
)

// fetchGroup gets the files of one group and reports whether any is not the current
// generation's. What was made of the group's text, its signature, is asked for with a
// new text, and where clients use it; else it stays what it was.
func (rt *root) fetchGroup(ctx context.Context, c *candidate, cur *generation, group []string) (changed bool, err error) {
	used := rt.usedPaths()
	newText := false
	for i, name := range group {
		if i > 0 && slices.Contains(c.lacks, group[0]) {
			c.lacks = append(c.lacks, name)
			continue
		}
		unwanted := i > 0 && !slices.Contains(used, join(rt.dir, name))
		if unwanted && !newText && rt.keep(c, cur, name) {
			continue
		}
		fresh, err := rt.fetchMember(ctx, c, cur, name)
		// Stores of objects say 403 for what they do not have. A text that was there
		// before is not believed to be gone for that.
		unsaid := denied(err) && (i > 0 || !cur.has(name))
		if err != nil && !absent(err) && !unsaid {
			if unwanted && ctx.Err() == nil {
				rt.r.m.log.Info("whether there is a signature stays unknown until somebody wants it", "repo", rt.r.Name, "root", rt.dir, "err", err)
				continue
			}
			return false, err
		}
		if err != nil {
			c.lacks = append(c.lacks, name)
			if c.none == nil || absent(c.none) {
				c.none = err
			}
		}
		newText = newText || i == 0 && fresh
		changed = changed || fresh
	}
	return changed, nil
}

// keep takes a member over from the current generation, or that it is unknown.
func (rt *root) keep(c *candidate, cur *generation, name string) bool {
	if cur == nil {
		return false
	}
	if !cur.knows(name) {
		return true
	}
	m, there := cur.Members[name]
	if !there {
		c.lacks = append(c.lacks, name)
		return true
	}
	data := rt.stored(m)
	if data != nil {
		c.files[name], c.metas[name] = data, m.Meta
	}
	return data != nil
}

// readRoot has the adapter read the candidate's files, and where they do not agree as
// many of them as do; less reports that some were left out.
func (rt *root) readRoot(c *candidate) (less bool, err error) {
	groups := rt.r.Adapter.Members()
	c.listing, err = rt.r.Adapter.Root(rt.dir, c.files)
	if err != nil && c.preferOnly(groups) {
		less = true
		c.listing, err = rt.r.Adapter.Root(rt.dir, c.files)
	}
	if fault := err; err != nil && c.textsOnly(groups) {
		less, c.fault = true, fmt.Errorf("%s: %s: %w: %w", rt.r.Name, c.mirror, ErrBadRoot, fault)
		c.listing, err = rt.r.Adapter.Root(rt.dir, c.files)
	}
	return less, err
}

// textsOnly drops all but the first file of each group, and reports whether it
// dropped any: a signature that is left to rot must not hold up those who do not ask
// for it.
func (c *candidate) textsOnly(groups [][]string) (dropped bool) {
	for _, group := range groups {
		for _, name := range group[1:] {
			if _, ok := c.files[name]; ok {
				delete(c.files, name)
				c.lacks, dropped = append(c.lacks, name), true
			}
		}
	}
	return dropped
}

// lost lists the signatures that clients were given with the current generation, and
// that the candidate has the text of but not them.
func (rt *root) lost(c *candidate, cur *generation) (names []string) {
	if cur == nil {
		return nil
	}
	used := rt.usedPaths()
	for _, group := range rt.r.Adapter.Members() {
		if _, ok := c.files[group[0]]; !ok {
			continue
		}
		for _, name := range group[1:] {
			_, had := cur.Members[name]
			_, has := c.files[name]
			if p := join(rt.dir, name); had && slices.Contains(used, p) {
				if !has {
					names = append(names, name)
				} else {
					rt.lacks(p, false)
				}
			}
		}
	}
	return names
}

// hold keeps a candidate back that has lost a signature, as proveUsed does for an
// index that is gone.
func (rt *root) hold(c *candidate, lost []string) error {
	for _, name := range lost {
		if rt.lacks(join(rt.dir, name), true) < vanishedFor {
			return rt.misses(c, name)
		}
	}
	return nil
}

func (rt *root) misses(c *candidate, name string) error {
	err := fmt.Errorf("%w: %s: %s: no %s that belongs to the root", ErrIncomplete, rt.r.Name, c.mirror, name)
	return errors.Join(err, c.fault)
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
