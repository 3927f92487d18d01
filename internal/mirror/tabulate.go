package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

const (
	// refsMax bounds what one index may vouch for: thirty times Debian's main.
	refsMax = 2_000_000
	// tableMax bounds what one index may take in meta.db, in bytes of paths, digests
	// and sizes: twenty times Debian's main.
	tableMax = 256 << 20
	// runMax is how much of it one transaction writes: bbolt keeps it in memory several
	// times over, and others wait for its end.
	runMax = 2 << 20
	// readAtOnce bounds the indexes of one repository that are unpacked at a time: each
	// may want a decoder's largest window.
	readAtOnce = 2
)

// A table is written in runs, each with its number before its keys: what is written
// last stands last, in whatever order an index names its files, and no page is
// touched twice. keyWhole stands there when all of the index does, with the number of
// runs; it sorts behind them.
var keyWhole = []byte{0xff}

func runKey(run int, path string) []byte { return append([]byte{byte(run)}, path...) }

// runs is how many the table has, 0 where it is not whole.
func runs(tx cache.Tx, table string) int {
	if v := tx.Get(table, keyWhole); len(v) == 1 {
		return int(v[0])
	}
	return 0
}

// find looks a path up in a table. Of several entries for it the last counts.
func find(tx cache.Tx, table, path string) (repo.Ref, bool) {
	for run := runs(tx, table) - 1; run >= 0; run-- {
		if ref, ok := decodeRef(path, tx.Get(table, runKey(run, path))); ok {
			return ref, true
		}
	}
	return repo.Ref{}, false
}

var errDropped = errors.New("the table was dropped while it was written")

// read makes one table.
func (t *tables) read(ctx context.Context, tb table) error {
	c, err := t.r.fetchIndex(ctx, tb.hash, tb.ref)
	if err != nil {
		return err
	}
	defer c.Close()
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w := &tableWriter{store: t.r.m.store, name: tb.name(t.r.Name)}
	err = t.r.Adapter.Read(tb.ref.Path, c, func(ref repo.Ref) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.add(ref.Path, encodeRef(ref))
	})
	if err == nil {
		err = w.flush(true)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("%s: %s: %w", t.r.Name, tb.ref.Path, err), w.drop())
		t.r.forbear(w.name, err) // it is much work, and the next time ends no better
	}
	t.r.m.unsettle()
	return err
}

// tableWriter writes a table run by run, in memory that does not grow with it.
type tableWriter struct {
	store *cache.Store
	name  string
	rows  []row // of this run
	size  int   // of this run, in bytes
	run   int   // its number
	total int   // rows of the table
	bytes int   // of the table
}

type row struct {
	path  string
	value []byte
}

func (w *tableWriter) add(path string, value []byte) error {
	size := len(path) + len(value)
	w.total, w.bytes, w.size = w.total+1, w.bytes+size, w.size+size
	if w.total > refsMax || w.bytes > tableMax {
		return fmt.Errorf("%w: it names more than %d files, or %d MiB of them", repo.ErrTooLarge, refsMax, tableMax>>20)
	}
	w.rows = append(w.rows, row{path, value})
	if w.size < runMax {
		return nil
	}
	return w.flush(false)
}

// flush writes the run, and with the last one that the table is whole.
func (w *tableWriter) flush(last bool) error {
	slices.SortStableFunc(w.rows, func(a, b row) int { return strings.Compare(a.path, b.path) })
	err := w.store.Update(func(tx cache.Tx) error {
		if w.run > 0 && !tx.Has(w.name) {
			return errDropped
		}
		if w.run == 0 { // there may be the beginning of one from before a crash
			if err := tx.Drop(w.name); err != nil {
				return err
			}
		}
		b, err := tx.Table(w.name)
		if err != nil {
			return err
		}
		for _, r := range w.rows {
			if err := b.Put(runKey(w.run, r.path), r.value); err != nil {
				return err
			}
		}
		if last {
			return b.Put(keyWhole, []byte{byte(w.run + 1)})
		}
		return nil
	})
	w.run, w.rows, w.size = w.run+1, w.rows[:0], 0
	return err
}

// drop takes away what was written.
func (w *tableWriter) drop() error {
	return w.store.Update(func(tx cache.Tx) error { return tx.Drop(w.name) })
}
