package mirror

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// name is what clients ask for, and what it leads to.
type name struct {
	place  place
	path   string // as Selector has it
	digest digest.Digest
	size   int64 // bytes, -1 not told
	entry  bool  // nobody vouches for it: it is an entry of the store
}

// entryName is the store's.
func (n name) entryName() string { return n.place.name + "/" + n.path }

// key is what the store knows it by.
func (n name) key() cache.Want {
	if n.entry {
		return cache.Want{Name: n.entryName()}
	}
	return cache.Want{Digest: n.digest}
}

// places are all repositories and registries, by name.
func (m *Mirror) places() (all []place) {
	for name, r := range m.repos {
		all = append(all, place{name: name, r: r})
	}
	for name, r := range m.registries {
		all = append(all, place{name: name, reg: r})
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.name, b.name) })
	return all
}

// pageNames bounds the names that are looked at in one transaction: while it is
// open the database cannot grow.
const pageNames = 10_000

// each calls fn with the chosen names in order, a page at a time and with no
// transaction open; more = false ends it. A name comes once for each digest that it has
// in the generations kept.
func (m *Mirror) each(ctx context.Context, c chosen, fn func([]name) (more bool, err error)) error {
	for _, p := range c.places {
		for from, on := c.from(p), true; on; {
			if err := ctx.Err(); err != nil {
				return err
			}
			page, next, err := m.page(p, c, from)
			if err != nil {
				return err
			}
			more, err := fn(page)
			if err != nil || !more {
				return err
			}
			from, on = next, next != ""
		}
	}
	return nil
}

// page lists chosen names from a path on; next is where to go on, "" at the end.
func (m *Mirror) page(p place, c chosen, from string) (list []name, next string, err error) {
	members := p.members()
	tables := p.tables()
	err = m.store.View(func(tx cache.Tx) error {
		w := newWalk(tx, p, tables, members, from, !c.vouched)
		last := from
		for looked := 0; ; looked++ {
			n, ok := w.next()
			if !ok {
				return nil
			}
			if looked >= pageNames && n.path != last { // the digests of one name come together
				next = n.path
				return nil
			}
			last = n.path
			has, over := c.has(n)
			if over {
				return nil
			}
			if has && !repeats(list, n) {
				list = append(list, n)
			}
		}
	})
	return list, next, err
}

// repeats reports that list, which is in order, has n already.
func repeats(list []name, n name) bool {
	for i := len(list) - 1; i >= 0 && list[i].path == n.path; i-- {
		if list[i].digest == n.digest && list[i].entry == n.entry {
			return true
		}
	}
	return false
}

// members are the files of the roots that are kept.
func (p place) members() (all []name) {
	if p.r == nil {
		return nil
	}
	for _, rt := range p.r.allRoots() {
		for _, g := range rt.kept() {
			for file, m := range g.Members {
				all = append(all, name{place: p, path: join(rt.dir, file), digest: m.Digest, size: -1})
			}
		}
	}
	slices.SortFunc(all, func(a, b name) int { return cmp.Compare(a.path, b.path) })
	return all
}

// listing is a table of meta.db whose keys, less a prefix, are paths.
type listing struct {
	table string
	index bool // it is an index's, in runs
}

// prefixes are those of its keys.
func (l listing) prefixes(tx cache.Tx) (all []string) {
	if !l.index {
		return []string{string(pathKey(""))}
	}
	for run := range runs(tx, l.table) {
		all = append(all, string(runKey(run, "")))
	}
	return all
}

// tables are the listings of the roots and the tables of the indexes.
func (p place) tables() (all []listing) {
	if p.r == nil {
		return nil
	}
	for _, rt := range p.r.allRoots() {
		for _, g := range rt.kept() {
			all = append(all, listing{table: listingTable(p.name, rt.dir, g.ID)})
		}
	}
	seen := make(map[string]bool)
	for _, t := range slices.Concat(p.r.tables.all(), p.r.heldTables()) {
		if n := t.name(p.name); !seen[n] {
			seen[n] = true
			all = append(all, listing{table: n, index: true})
		}
	}
	return all
}

// walk merges the names of a place, in order.
type walk struct{ lanes []*lane }

// lane is one source of names. read makes the current one of a key and a value,
// ok = false where the lane is at its end.
type lane struct {
	now  name
	step func() (name, bool)
}

func newWalk(tx cache.Tx, p place, tables []listing, members []name, from string, entries bool) *walk {
	w := new(walk)
	prefix := p.name + "/"
	if entries {
		w.add(steps(tx.Entries(), prefix, from, func(path string, v []byte) (name, bool) {
			e, ok := cache.DecodeEntry(v)
			return name{place: p, path: path, digest: e.Digest, size: -1, entry: true}, ok
		}))
	}
	for _, l := range tables {
		for _, prefix := range l.prefixes(tx) {
			c := tx.Cursor(l.table)
			if c == nil {
				break
			}
			w.add(steps(c, prefix, from, func(path string, v []byte) (name, bool) {
				ref, ok := decodeRef(path, v)
				return name{place: p, path: path, digest: ref.Digest, size: ref.Size}, ok
			}))
		}
	}
	i, _ := slices.BinarySearchFunc(members, from, func(n name, path string) int { return cmp.Compare(n.path, path) })
	rest := members[i:]
	w.add(func() (n name, ok bool) {
		if len(rest) > 0 {
			n, ok, rest = rest[0], true, rest[1:]
		}
		return n, ok
	})
	return w
}

// steps walks the keys of c that begin with prefix, from a path on.
func steps(c *bolt.Cursor, prefix, from string, read func(path string, v []byte) (name, bool)) func() (name, bool) {
	begun := false
	return func() (name, bool) {
		for {
			k, v := []byte(nil), []byte(nil)
			if begun {
				k, v = c.Next()
			} else {
				k, v = c.Seek([]byte(prefix + from))
			}
			begun = true
			if k == nil || !bytes.HasPrefix(k, []byte(prefix)) {
				return name{}, false
			}
			if n, ok := read(strings.TrimPrefix(string(k), prefix), v); ok {
				return n, true
			}
		}
	}
}

func (w *walk) add(step func() (name, bool)) {
	if n, ok := step(); ok {
		heap.Push(w, &lane{n, step})
	}
}

func (w *walk) next() (name, bool) {
	if len(w.lanes) == 0 {
		return name{}, false
	}
	l := w.lanes[0]
	n := l.now
	var ok bool
	if l.now, ok = l.step(); ok {
		heap.Fix(w, 0)
	} else {
		heap.Pop(w)
	}
	return n, true
}

// Len, Less, Swap, Push and Pop are for package heap.
func (w *walk) Len() int           { return len(w.lanes) }
func (w *walk) Less(i, j int) bool { return w.lanes[i].now.path < w.lanes[j].now.path }
func (w *walk) Swap(i, j int)      { w.lanes[i], w.lanes[j] = w.lanes[j], w.lanes[i] }
func (w *walk) Push(x any)         { w.lanes = append(w.lanes, x.(*lane)) }
func (w *walk) Pop() any {
	last := w.lanes[len(w.lanes)-1]
	w.lanes = w.lanes[:len(w.lanes)-1]
	return last
}
