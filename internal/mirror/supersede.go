package mirror

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"mirrord/internal/cache"
)

// tableSettled has what was settled last: by repository and table whether it was
// current. So what a crash leaves unmarked is marked after the next start, and a start
// looks at nothing twice.
const tableSettled = "settled"

var settledAs = map[bool][]byte{true: []byte("current"), false: []byte("superseded")}

// settling says whether what is superseded is being marked.
type settling struct {
	mu    sync.Mutex
	runs  bool // guarded by mu
	again bool // it was asked for meanwhile; guarded by mu
}

// unsettle has what no current generation names be marked in the store, and the
// tables be dropped that no generation needs: after a flip, or when an index was read.
// It does not wait.
func (m *Mirror) unsettle() {
	s := &m.settling
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = true
	if !s.runs && m.ctx.Err() == nil {
		s.runs = true
		m.wg.Add(1)
		go m.settle()
	}
}

// settle goes on until nobody has asked for it since it began.
func (m *Mirror) settle() {
	defer m.wg.Done()
	for m.settling.next() && m.ctx.Err() == nil {
		if err := m.settleNames(); err != nil {
			m.log.Error("what is superseded cannot be marked", "err", err)
		}
	}
}

func (s *settling) next() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = s.again
	s.again = false
	return s.runs
}

func (m *Mirror) settleNames() error {
	now := make(map[*repository]standing)
	unneeded := make(map[*repository][]string)
	var current []cache.Naming
	for _, r := range m.repos {
		var err error
		if now[r], unneeded[r], err = r.standing(); err != nil {
			return err
		}
		current = append(current, now[r].names(func(_ string, current bool) bool { return current })...)
	}
	var errs []error
	for _, r := range m.repos {
		errs = append(errs, r.settleNames(now[r], unneeded[r], current))
	}
	return errors.Join(errs...)
}

// settleNames marks what was superseded since it was called last, and takes the mark
// off what came back; current is what names objects in all repositories.
func (r *repository) settleNames(now standing, unneeded []string, current []cache.Naming) error {
	before, err := r.settled()
	if err != nil {
		return err
	}
	changed := func(as bool) []cache.Naming {
		return now.names(func(table string, current bool) bool {
			was, known := before[table]
			return current == as && (!known || was != as)
		})
	}
	old := changed(false)
	for _, table := range unneeded {
		old = append(old, naming(table))
	}
	revived, err := r.m.store.Revive(changed(true)...)
	if err != nil {
		return err
	}
	marked, err := r.m.store.Supersede(old, current)
	if err != nil {
		return err
	}
	if marked+revived > 0 {
		r.m.log.Info("objects are superseded", "repo", r.Name, "objects", marked, "back", revived)
	}
	return r.noteSettled(before, now, unneeded)
}

// settled reads what was settled last.
func (r *repository) settled() (map[string]bool, error) {
	before := make(map[string]bool)
	err := r.m.store.View(func(tx cache.Tx) error {
		return tx.Each(tableSettled, func(k, v []byte) error {
			if repo, table, _ := strings.Cut(string(k), "\x00"); repo == r.Name {
				before[table] = string(v) == string(settledAs[true])
			}
			return nil
		})
	})
	return before, err
}

// noteSettled writes what is settled now, and drops the tables that were not needed before
// and are not now.
func (r *repository) noteSettled(before map[string]bool, now standing, unneeded []string) error {
	_, still, err := r.standing()
	if err != nil {
		return err
	}
	unneeded = slices.DeleteFunc(unneeded, func(table string) bool { return !slices.Contains(still, table) })
	if len(unneeded) == 0 && maps.EqualFunc(before, now, func(was bool, s stands) bool { return was == s.current }) {
		return nil
	}
	key := func(table string) []byte { return []byte(r.Name + "\x00" + table) }
	return r.m.store.Update(func(tx cache.Tx) error {
		var errs []error
		for table := range before {
			errs = append(errs, tx.Delete(tableSettled, key(table)))
		}
		for table, s := range now {
			errs = append(errs, tx.Put(tableSettled, key(table), settledAs[s.current]))
		}
		for _, table := range unneeded {
			errs = append(errs, tx.Drop(table))
		}
		return errors.Join(errs...)
	})
}
