package mirror

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/repo"

	"golang.org/x/sync/singleflight"
)

// tables are what the indexes of a repository vouch for. Each index is read once,
// into a table of meta.db named by its digest (tabulate.go); which tables count
// follows from the generations.
type tables struct {
	r       *repository
	reading singleflight.Group // by table name
	slots   chan struct{}      // one for each index that is being unpacked

	mu   sync.Mutex
	list []table // nil = to be worked out; guarded by mu
	turn int     // counts resets; guarded by mu
}

// foundKey is a path as a client sees it who is behind the current generations.
type foundKey struct{ path, behind string }

// reset has the list worked out anew, after a generation or a use.
func (t *tables) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = nil
	t.turn++
	t.r.found.Purge()
}

// remember keeps what a lookup found, unless there was a reset since turn: it may
// be of an index that counts no more.
func (t *tables) remember(key foundKey, ref repo.Ref, turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turn == turn {
		t.r.found.Add(key, ref)
	}
}

func (t *tables) now() (turn int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.turn
}

// all lists the tables that count, those of current generations first.
func (t *tables) all() []table {
	return slices.Concat(t.vouched(), t.r.looseTables())
}

// vouched lists the tables of the generations.
func (t *tables) vouched() []table {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list != nil {
		return t.list
	}
	list := []table{}
	for _, rt := range t.r.allRoots() {
		list = append(list, rt.tables()...)
	}
	slices.SortStableFunc(list, table.before)
	t.list = list
	return list
}

// tables are those of the indexes that clients use below the root.
func (rt *root) tables() (list []table) {
	used := rt.usedPaths()
	for i, g := range rt.generations() {
		list = append(list, rt.tablesOf(g, used, i == 0)...)
	}
	return list
}

// tablesOf are those of the indexes of g that are used, by role. head tells that they
// may be fetched where they are not stored.
func (rt *root) tablesOf(g *generation, used []string, head bool) (list []table) {
	for _, p := range used {
		plan, err := rt.r.Adapter.Plan(p)
		if err != nil {
			continue
		}
		paths := []string{p}
		if plan.Rebuilds != "" {
			paths = append(paths, rt.bestVariant(g, plan.Rebuilds))
		}
		for _, p := range paths {
			plan, err := rt.r.Adapter.Plan(p)
			if err != nil || !plan.Vouches {
				continue
			}
			tb := table{base: plan.Base, gen: g.ID, date: g.Date, head: head, hash: g.ByHash}
			var ok bool
			if tb.ref, ok = rt.inRole(g, p); ok && !slices.ContainsFunc(list, tb.same) {
				list = append(list, tb)
			}
		}
	}
	return list
}

// bestVariant is the compression of an index that clients would choose.
func (rt *root) bestVariant(g *generation, stem string) string {
	for _, ext := range append(slices.Clone(compressions), "") {
		if _, ok := rt.inRole(g, stem+ext); ok {
			return stem + ext
		}
	}
	return ""
}

// lookup finds what the indexes say of path. A client that is behind gets what
// its own generation says. Indexes that were not read yet are read first, lest
// an older one be believed in their place.
func (t *tables) lookup(ctx context.Context, path string, client *Client) (repo.Ref, bool) {
	if ref, ok := t.remembered(path, client); ok {
		return ref, true
	}
	turn := t.now()
	if err := t.readAll(ctx, covering(path)); err != nil {
		t.r.m.log.Warn("an index could not be read", "repo", t.r.Name, "err", err)
	}
	behind := t.r.behind(client)
	ref, ok := t.search(path, behind)
	if ok {
		t.remember(foundKey{path, strings.Join(behind, " ")}, ref, turn)
	}
	return ref, ok
}

// remembered is what an earlier lookup found.
func (t *tables) remembered(path string, client *Client) (repo.Ref, bool) {
	return t.r.found.Get(foundKey{path, strings.Join(t.r.behind(client), " ")})
}

func (t *tables) search(path string, behind []string) (ref repo.Ref, ok bool) {
	list := t.all()
	if len(behind) > 0 {
		slices.SortStableFunc(list, func(a, b table) int {
			return rank(slices.Contains(behind, string(a.gen))) - rank(slices.Contains(behind, string(b.gen)))
		})
	}
	t.r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range list {
			if !tb.covers(path) {
				continue
			}
			if ref, ok = find(tx, tb.name(t.r.Name), path); ok {
				return nil
			}
		}
		return nil
	})
	return ref, ok
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// prepare reads what is not read yet around the index at path, ahead of the clients'
// next questions.
func (t *tables) prepare(path string) {
	t.r.m.wg.Add(1)
	go func() {
		defer t.r.m.wg.Done()
		if err := t.readAll(t.r.m.ctx, covering(path)); err != nil && t.r.m.ctx.Err() == nil {
			t.r.m.log.Warn("an index could not be read", "repo", t.r.Name, "err", err)
		}
	}()
}

// covering picks the tables that may vouch for path.
func covering(path string) func(table) bool { return func(tb table) bool { return tb.covers(path) } }

// readAll makes the tables that are missing, of those that are wanted.
func (t *tables) readAll(ctx context.Context, wanted func(table) bool) error {
	return t.readEach(ctx, slices.DeleteFunc(t.all(), func(tb table) bool { return !wanted(tb) }))
}

// readEach makes those tables of the list that are missing.
func (t *tables) readEach(ctx context.Context, list []table) error {
	var errs []error
	for _, tb := range t.unread(list) {
		name := tb.name(t.r.Name)
		if !tb.head && !t.r.m.store.Has(tb.ref.Digest) || t.r.gone(name) != nil {
			continue // upstream has it no more, or it cannot be read
		}
		done := t.reading.DoChan(name, func() (any, error) { return nil, t.read(t.r.m.ctx, tb) })
		select {
		case res := <-done:
			errs = append(errs, res.Err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

// unread lists the indexes that have no table.
func (t *tables) unread(all []table) (list []table) {
	t.r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range all {
			if runs(tx, tb.name(t.r.Name)) == 0 {
				list = append(list, tb)
			}
		}
		return nil
	})
	return list
}
