package mirror

import (
	"context"
	"strings"

	"mirrord/internal/digest"
)

// Count is how much of what is stored was matched.
type Count struct {
	Matched int   `json:"matched"` // objects
	Bytes   int64 `json:"bytes"`   // of them
}

// Purged is what a purge matched, less what is pinned.
type Purged struct {
	Count
	Pinned int `json:"pinned"` // objects that stayed because they are pinned
}

// PurgeOptions says how to purge.
type PurgeOptions struct {
	DryRun bool // count only
	Force  bool // pinned objects go too
}

// Purge takes what the selected names lead to off the disk, and forgets the names
// that nobody vouches for. It goes by pages: where it fails, what it tells is gone.
func (m *Mirror) Purge(ctx context.Context, s Selector, o PurgeOptions) (Purged, error) {
	c, err := m.choose(s)
	if err != nil {
		return Purged{}, err
	}
	p := purge{m: m, PurgeOptions: o, seen: make(map[digest.Digest]bool)}
	err = p.names(m.nameless(c))
	if err == nil {
		err = m.each(ctx, c, func(page []name) (bool, error) { return true, p.names(page) })
	}
	for _, at := range c.places {
		at.forgetAbsences()
	}
	if !o.DryRun {
		m.purged(ctx, c, s)
	}
	return p.Purged, err
}

// nameless are what is chosen and stands in no table: an object that lost its name,
// and downloads of names that are not known yet.
func (m *Mirror) nameless(c chosen) (all []name) {
	if c.digest != "" {
		return []name{{digest: c.digest}}
	}
	for _, p := range c.places {
		if c.only != "" { // also what such a download left
			n := name{place: p, path: c.only, entry: true}
			e, _ := m.store.Entry(n.entryName())
			n.digest = e.Digest
			all = append(all, n)
			continue
		}
		for _, entry := range m.store.Underway(p.name + "/") {
			n := name{place: p, path: strings.TrimPrefix(entry, p.name+"/"), entry: true}
			if ok, _ := c.has(n); ok {
				all = append(all, n)
			}
		}
	}
	return all
}

// purge is one under way.
type purge struct {
	m *Mirror
	PurgeOptions
	Purged
	seen map[digest.Digest]bool // objects that were counted, and whether they stay
}

// names purges some of the names.
func (p *purge) names(page []name) error {
	var entries []string
	var objects []digest.Digest
	for _, n := range page {
		if !p.m.store.Known(n.key()) || p.count(n.digest) {
			continue
		}
		if n.entry {
			entries = append(entries, n.entryName())
		}
		if n.digest != "" {
			objects = append(objects, n.digest)
		}
	}
	if p.DryRun || len(entries)+len(objects) == 0 {
		return nil
	}
	_, err := p.m.store.Purge(entries, objects)
	return err
}

// count counts the object where it is stored, once, and reports whether it stays.
func (p *purge) count(d digest.Digest) (stays bool) {
	st, err := p.m.store.Stat(d)
	if err != nil {
		return false
	}
	stays, counted := p.seen[st.Digest]
	if counted {
		return stays
	}
	stays = p.keeps(st.Digest)
	p.seen[st.Digest] = stays
	if stays {
		p.Pinned++
		return true
	}
	p.Matched++
	p.Bytes += st.Size
	return false
}

// keeps reports an object that a pin holds.
func (p *purge) keeps(d digest.Digest) bool {
	if p.Force {
		return false
	}
	owners, err := p.m.store.PinOwners(d)
	return err != nil || len(owners) > 0
}

// forgetAbsences has upstream asked again for what it did not have.
func (p place) forgetAbsences() {
	if p.r != nil {
		p.r.missing.Purge()
		return
	}
	p.reg.missing.Purge()
}
