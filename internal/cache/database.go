package cache

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// database is meta.db. Where a transaction could not be committed it is opened anew
// before the next: what bbolt then has in memory need not be what the file has, and
// it panics where it meets the difference. So it does at a page that a disk has spoiled:
// that is an error here, and the last word of this database.
type database struct {
	dir     string
	damaged func(error) // called once, where a page is none; nil = nobody

	broken atomic.Pointer[error] // set for good: what bbolt has locked is never let go

	mu     sync.RWMutex // held for writing while db is replaced, for reading while it is used
	db     *bolt.DB     // nil where it could not be opened again; guarded by mu
	failed error        // of the last commit, nil where it succeeded; guarded by mu
	tried  time.Time    // when it was last opened; guarded by mu

	gathering sync.Mutex
	pending   []*call // of the next Batch; guarded by gathering
}

// reviveEvery bounds how often a database that cannot be written is opened anew,
// which takes milliseconds and keeps readers waiting.
const reviveEvery = 100 * time.Millisecond

// errFailed reports a write while meta.db cannot be written.
var errFailed = errors.New("meta.db cannot be written")

// View runs fn on a consistent state.
func (d *database) View(fn func(*bolt.Tx) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.db == nil {
		return fmt.Errorf("%w: %w", errFailed, d.failed)
	}
	return d.guard(func() error { return d.db.View(fn) })
}

// Update runs fn in one durable step.
func (d *database) Update(fn func(*bolt.Tx) error) error {
	if err := d.revive(); err != nil {
		return err
	}
	d.mu.RLock()
	db := d.db
	if db == nil || d.failed != nil { // by another meanwhile
		defer d.mu.RUnlock()
		return fmt.Errorf("%w: %w", errFailed, d.failed)
	}
	var refused error
	err := d.guard(func() error {
		return db.Update(func(tx *bolt.Tx) error { refused = fn(tx); return refused })
	})
	d.mu.RUnlock()
	if err != nil && refused == nil {
		d.fail(db, err)
	}
	return err
}

// guard runs fn unless the database is broken. Where fn meets a page that is none the
// database is.
func (d *database) guard(fn func() error) error {
	if err := d.broken.Load(); err != nil {
		return *err
	}
	err := readable(fn)
	var met *pageError
	if errors.As(err, &met) && d.broken.CompareAndSwap(nil, &err) && d.damaged != nil {
		d.damaged(err)
	}
	return err
}

// fail notes that db could not commit.
func (d *database) fail(db *bolt.DB, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == db {
		d.failed = err
	}
}

// revive opens the database anew where the last commit failed. Where it cannot be
// written still, what is there can be read.
func (d *database) revive() error {
	if err := d.broken.Load(); err != nil {
		return *err
	}
	d.mu.RLock()
	failed, tried := d.failed, d.tried
	d.mu.RUnlock()
	if failed == nil {
		return nil
	}
	if time.Since(tried) < reviveEvery {
		return fmt.Errorf("%w: %w", errFailed, failed)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil || d.tried != tried {
		return nil // another did it
	}
	d.tried = time.Now()
	if d.db != nil {
		d.db.Close()
	}
	db, err := openDB(d.dir)
	if err == nil {
		d.db, d.failed = db, nil
		return nil
	}
	d.db, _ = boltOpen(dbPath(d.dir), true)
	d.failed = err
	return fmt.Errorf("%w: %w", errFailed, err)
}

// Close lets the file go; a broken one when the process ends.
func (d *database) Close() error {
	if err := d.broken.Load(); err != nil {
		return *err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return d.failed
	}
	return d.db.Close()
}
