package mirror

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// standing is what names objects in a repository, by table of meta.db: indexes, and
// roots by their listings.
type standing map[string]stands

type stands struct {
	names   cache.Naming
	current bool // clients who update now are given it; else it is superseded, and kept for those who are behind
}

// standing tells what names what now, and which tables are of indexes that no kept
// generation names. Where an index of the current generation was not read yet the
// newest one before it that was stands for it.
func (r *repository) standing() (s standing, unneeded []string, err error) {
	s = make(standing)
	for _, rt := range r.allRoots() {
		head := rt.head()
		for _, g := range rt.kept() {
			s.put(listingTable(r.Name, rt.dir, g.ID), g == head, g.digests()...)
		}
		listed, stood := make(map[string]bool), make(map[string]bool)
		for _, t := range rt.tables() { // the current generation's first
			key := t.base + "\x00" + r.role(t.ref.Path)
			listed[key] = listed[key] || t.head
			if r.whole(t) {
				s.put(t.name(r.Name), listed[key] && !stood[key], t.ref.Digest)
				stood[key] = true
			}
		}
	}
	for _, t := range r.looseTables() {
		s.put(t.name(r.Name), true, t.ref.Digest)
	}
	err = r.m.store.View(func(tx cache.Tx) error {
		for _, table := range tx.Tables("table\x00" + r.Name + "\x00") {
			if _, known := s[table]; known {
				continue
			}
			d := digest.Digest(table[strings.LastIndexByte(table, 0)+1:])
			switch kept, current := r.keptNames(tx, d); {
			case !kept:
				unneeded = append(unneeded, table)
			case runs(tx, table) > 0:
				s.put(table, current, d)
			}
		}
		return nil
	})
	return s, unneeded, err
}

// put adds a table. One that several generations have is current where one of them is.
func (s standing) put(table string, current bool, more ...digest.Digest) {
	if !s[table].current {
		s[table] = stands{naming(table, more...), current}
	}
}

// naming is what a root and its listing name.
func (rt *root) naming(g *generation) cache.Naming {
	return naming(listingTable(rt.r.Name, rt.dir, g.ID), g.digests()...)
}

func (g *generation) digests() (all []digest.Digest) {
	for _, m := range g.Members {
		all = append(all, m.Digest)
	}
	return all
}

// whole reports whether the index was read.
func (r *repository) whole(t table) (ok bool) {
	r.m.store.View(func(tx cache.Tx) error {
		ok = runs(tx, t.name(r.Name)) > 0
		return nil
	})
	return ok
}

// naming is what a table of meta.db names, and some digests more.
func naming(table string, more ...digest.Digest) cache.Naming {
	return func(tx cache.Tx, add func(digest.Digest)) error {
		for _, d := range more {
			add(d)
		}
		return tx.Each(table, func(_, v []byte) error {
			if d, _, ok := bytes.Cut(v, []byte(" ")); ok {
				add(digest.Digest(d))
			}
			return nil
		})
	}
}

// names are those of a standing that pass.
func (s standing) names(pass func(table string, current bool) bool) (all []cache.Naming) {
	for _, table := range slices.Sorted(maps.Keys(s)) {
		if pass(table, s[table].current) {
			all = append(all, s[table].names)
		}
	}
	return all
}
