package mirror

import (
	"context"
	"maps"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// snapshot makes one of the repository as it is.
func (r *repository) snapshot(ctx context.Context, name string) (*snapshot, error) {
	count := 0
	for _, s := range r.m.snapshots.all() {
		if s.Repo == r.Name {
			count++
		}
	}
	if count >= snapshotsMost {
		return nil, badSelector("%s has %d snapshots, expected fewer", r.Name, count)
	}
	s := &snapshot{Used: make(map[string][]string)}
	s.Snapshot = Snapshot{Repo: r.Name, Name: name, Created: r.m.now().UTC(), Roots: make(map[string]digest.Digest)}
	heads := r.heads(s)
	if err := r.m.saveSnapshot(s); err != nil { // from here on its generations are held
		return nil, err
	}
	sets, err := r.pinSets(ctx, s, heads)
	if err != nil {
		return nil, err
	}
	done := *s
	for _, set := range sets {
		done.Owners = append(done.Owners, set.owner)
	}
	if err := r.m.saveSnapshot(&done); err != nil {
		return nil, err
	}
	files, err := r.m.pinAll(sets)
	if err != nil {
		return nil, err
	}
	n, err := r.snapshotEntries(ctx, s)
	if err != nil {
		return nil, err
	}
	ready := done
	ready.Files = files + n
	ready.Ready = true
	return &ready, r.m.saveSnapshot(&ready)
}

// head is the current generation of a root.
type head struct {
	rt *root
	g  *generation
}

// heads are those of the repository, and noted in s.
func (r *repository) heads(s *snapshot) (all []head) {
	for _, rt := range r.allRoots() {
		if g := rt.head(); g != nil {
			s.Roots[rt.dir], s.Used[rt.dir] = g.ID, rt.usedPaths()
			all = append(all, head{rt, g})
		}
	}
	return all
}

// pinSet is a table of meta.db that pins what it names.
type pinSet struct {
	owner   string
	digests func() ([]digest.Digest, error)
}

// ownerOf names a table as the owner of pins, for people too.
func ownerOf(table string) string { return "snapshots: " + strings.ReplaceAll(table, "\x00", " ") }

// pinSets are those of the snapshot's generations. It reads indexes that were not read
// yet.
func (r *repository) pinSets(ctx context.Context, s *snapshot, heads []head) (sets []pinSet, err error) {
	for _, h := range heads {
		sets = append(sets, h.rt.listingSet(h.g))
		tables := h.rt.tablesOf(h.g, s.Used[h.rt.dir], true)
		if err := r.tables.readEach(ctx, tables); err != nil {
			return nil, err
		}
		for _, tb := range tables {
			sets = append(sets, r.tableSet(tb))
		}
	}
	return append(sets, pinSet{ownerOf(s.entries()), func() ([]digest.Digest, error) { return nil, nil }}), nil
}

// listingSet is what a generation's files and listing name.
func (rt *root) listingSet(g *generation) pinSet {
	return pinSet{ownerOf(listingTable(rt.r.Name, rt.dir, g.ID)), rt.r.m.gather(rt.naming(g))}
}

// tableSet is what an index names.
func (r *repository) tableSet(tb table) pinSet {
	return pinSet{ownerOf(tb.name(r.Name)), r.m.gather(naming(tb.name(r.Name)))}
}

// gather lists what something names.
func (m *Mirror) gather(names cache.Naming) func() ([]digest.Digest, error) {
	return func() (ds []digest.Digest, err error) {
		err = m.store.View(func(tx cache.Tx) error {
			return names(tx, func(d digest.Digest) { ds = append(ds, d) })
		})
		return ds, err
	}
}

// snapshotEntries writes down, and pins, the files that nobody vouches for.
func (r *repository) snapshotEntries(ctx context.Context, s *snapshot) (n int, err error) {
	c := chosen{places: []place{{name: r.Name, r: r}}}
	err = r.m.each(ctx, c, func(page []name) (bool, error) {
		var refs []repo.Ref
		var ds []digest.Digest
		for _, f := range page {
			if st, serr := r.m.store.Stat(f.digest); f.entry && serr == nil {
				refs, ds = append(refs, repo.Ref{Path: f.path, Digest: st.Digest, Size: st.Size}), append(ds, st.Digest)
			}
		}
		if err := r.m.store.Pin(ownerOf(s.entries()), ds...); err != nil {
			return false, err
		}
		n += len(refs)
		return true, r.m.store.Update(func(tx cache.Tx) error {
			for _, ref := range refs {
				if err := tx.Put(s.entries(), []byte(ref.Path), encodeRef(ref)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return n, err
}

// extend pins what an index names that was not in use when the snapshot was made.
func (r *repository) extend(ctx context.Context, at string, rt *root, role string) error {
	r.m.snapshots.changing.Lock()
	defer r.m.snapshots.changing.Unlock()
	s := r.m.snapshots.get(r.Name, at)
	v, err := r.view(at)
	if s == nil || err != nil || slices.Contains(s.Used[rt.dir], role) {
		return nil // it was deleted, or extended meanwhile
	}
	_, g := v.generation(rt.dir)
	if g == nil {
		return nil
	}
	tables := rt.tablesOf(g, []string{role}, true)
	if err := r.tables.readEach(ctx, tables); err != nil {
		return err
	}
	more := *s
	more.Used = maps.Clone(s.Used)
	more.Used[rt.dir] = append(slices.Clone(s.Used[rt.dir]), role)
	var sets []pinSet
	for _, tb := range tables {
		if set := r.tableSet(tb); !slices.Contains(s.Owners, set.owner) {
			sets = append(sets, set)
			more.Owners = append(slices.Clone(more.Owners), set.owner)
		}
	}
	if err := r.m.saveSnapshot(&more); err != nil { // the owners first, so that they go with it
		return err
	}
	_, err = r.m.pinAll(sets)
	return err
}

// pinAll pins what the sets name, and counts it.
func (m *Mirror) pinAll(sets []pinSet) (n int, err error) {
	for _, set := range sets {
		ds, err := set.digests()
		if err == nil {
			err = m.store.Pin(set.owner, ds...)
		}
		if err != nil {
			return n, err
		}
		n += len(ds)
	}
	return n, nil
}
