package mirror

import (
	"context"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// CollectIdle is how long what no generation names is left after its last use: a
// client may be as late.
const CollectIdle = time.Hour

// Collect drops what no kept generation names, no entry leads to and nobody pins.
// c.Named is set here. Of a repository that is configured no more nothing is named.
func (m *Mirror) Collect(ctx context.Context, c cache.Collection) (cache.Evicted, error) {
	c.Named = m.named
	return m.store.Collect(ctx, c)
}

// named gives the digests of all that the kept generations name: their roots'
// files, the indexes these list, and what the indexes vouch for.
func (m *Mirror) named(add func(digest.Digest)) error {
	for _, r := range m.repos {
		if err := r.named(add); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) named(add func(digest.Digest)) error {
	for _, rt := range r.allRoots() {
		for _, g := range rt.generations() {
			for _, m := range g.Members {
				add(m.Digest)
			}
			if err := r.namedIn(listingTable(r.Name, rt.dir, g.ID), add); err != nil {
				return err
			}
		}
	}
	for _, t := range r.tables.all() {
		add(t.ref.Digest)
		if err := r.namedIn(t.name(r.Name), add); err != nil {
			return err
		}
	}
	return nil
}

// namedIn gives the digests that stand in a table, or in a listing.
func (r *repository) namedIn(table string, add func(digest.Digest)) error {
	return r.m.store.View(func(tx cache.Tx) error {
		return tx.Each(table, func(_, v []byte) error {
			if ref, ok := decodeRef("", v); ok {
				add(ref.Digest)
			}
			return nil
		})
	})
}
