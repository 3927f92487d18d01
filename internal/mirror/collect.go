package mirror

import (
	"context"
	"slices"
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
	c.Named = m.named(func(bool) bool { return true })
	return m.store.Collect(ctx, c)
}

// named is what the kept generations name, or those of them that are wanted: their
// roots' files, the indexes these list, and what the indexes vouch for.
func (m *Mirror) named(want func(current bool) bool) (all []cache.Naming) {
	for _, r := range m.repos {
		for _, rt := range r.allRoots() {
			for i, g := range rt.kept() {
				if want(i == 0) {
					all = append(all, rt.naming(g))
				}
			}
		}
		for _, t := range slices.Concat(r.tables.all(), r.heldTables()) {
			if want(t.head) {
				all = append(all, naming(t.name(r.Name), t.ref.Digest))
			}
		}
	}
	return all
}

// naming is what a root and its listing name.
func (rt *root) naming(g *generation) cache.Naming {
	var members []digest.Digest
	for _, m := range g.Members {
		members = append(members, m.Digest)
	}
	return naming(listingTable(rt.r.Name, rt.dir, g.ID), members...)
}

// naming is what a table names, or a listing, and some digests more.
func naming(table string, more ...digest.Digest) cache.Naming {
	return func(tx cache.Tx, add func(digest.Digest)) error {
		for _, d := range more {
			add(d)
		}
		return tx.Each(table, func(_, v []byte) error {
			if ref, ok := decodeRef("", v); ok {
				add(ref.Digest)
			}
			return nil
		})
	}
}
