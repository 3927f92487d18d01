package cache

import (
	"maps"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Reason says why an object went.
type Reason string

const (
	OverSize    Reason = "max_size"      // the budget was used up
	OverAccount Reason = "repo_max_size" // that of the object's account was
	LowDisk     Reason = "min_free"      // the file system was nearly full
	Collected   Reason = "gc"            // Collect found that nothing names it
	Lost        Reason = "lost"          // its file was missing or wrong
	Purged      Reason = "purge"         // Purge was called, or Verify found its bytes wrong
)

// advance has the order of eviction go on from an object that went for lack of room.
func (why Reason) advance(tx *bolt.Tx, rec record, p place) error {
	switch why {
	case OverSize, LowDisk:
		return advance(tx, rec, p, false)
	case OverAccount:
		return advance(tx, rec, p, true)
	}
	return nil
}

// Evicted counts what went, since the Store was opened.
type Evicted = Amount

// evictions are the counts by reason.
type evictions struct {
	mu sync.Mutex
	by map[Reason]Evicted // guarded by mu
}

func (e *evictions) add(why Reason, went Evicted) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.by == nil {
		e.by = make(map[Reason]Evicted)
	}
	n := e.by[why]
	e.by[why] = Evicted{n.Objects + went.Objects, n.Bytes + went.Bytes}
}

func (e *evictions) counts() map[Reason]Evicted {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.by)
}
