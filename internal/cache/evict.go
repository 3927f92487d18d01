package cache

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"mirrord/internal/digest"
	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
)

// evictBatch bounds one transaction of an eviction.
const evictBatch = 256

// Reason says why an object went.
type Reason string

const (
	OverSize  Reason = "max_size" // the budget was used up
	LowDisk   Reason = "min_free" // the file system was nearly full
	Collected Reason = "gc"       // Collect found that nothing names it
	Lost      Reason = "lost"     // its file was missing or wrong
	Purged    Reason = "purge"    // Purge was called, or Verify found its bytes wrong
)

// Evicted counts what went, since the Store was opened.
type Evicted struct{ Objects, Bytes int64 }

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

// evict frees at least need bytes where it can and tells how many it freed:
// partials that nobody fills first, then the objects used least recently. What
// is pinned, being read or being committed stays.
func (s *Store) evict(need int64, why Reason) (freed int64, err error) {
	for freed < need {
		name, h, ok := s.space.anyParked()
		if !ok {
			break
		}
		// The file first: without a record nobody waits for this eviction.
		s.removeQuietly(s.partialPath(name))
		err := s.dropPart(name)
		s.space.release(h)
		if err != nil {
			return freed, err
		}
		freed += h.reserved
	}
	if freed >= need {
		return freed, nil
	}
	if err := s.flushTouched(); err != nil {
		return freed, err
	}
	for freed < need {
		victims, err := s.victims(need - freed)
		if err != nil || len(victims) == 0 {
			return freed, err
		}
		n, err := s.remove(victims, why)
		freed += n.Bytes
		if err != nil {
			return freed, err
		}
	}
	return freed, nil
}

// victims picks the least recently used objects that nobody reads, and marks
// them: from here on they can not be opened.
func (s *Store) victims(need int64) ([]digest.Digest, error) {
	var list []digest.Digest
	err := s.db.View(func(tx *bolt.Tx) error {
		objects := tx.Bucket(bucketObjects)
		c := tx.Bucket(bucketAccess).Cursor()
		for k, _ := c.First(); k != nil && need > 0 && len(list) < evictBatch; k, _ = c.Next() {
			raw := k[8:]
			var rec record
			d := digestOfKey(raw)
			if getJSON(objects, raw, &rec) && s.markEvicting(d) {
				list = append(list, d)
				need -= rec.Size
			}
		}
		return nil
	})
	return list, err
}

func (s *Store) markEvicting(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, going := s.evicting[d]; going || s.reading[d] > 0 {
		return false
	}
	s.evicting[d] = make(chan struct{})
	return true
}

// inUse reports an object that is being read, committed or evicted.
func (s *Store) inUse(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, going := s.evicting[d]
	return going || s.reading[d] > 0
}

func (s *Store) unmarkEvicting(list []digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range list {
		close(s.evicting[d])
		delete(s.evicting, d)
	}
}

func (s *Store) awaitEviction(d digest.Digest) {
	s.mu.Lock()
	ch := s.evicting[d]
	s.mu.Unlock()
	if ch != nil {
		<-ch
	}
}

// remove takes marked objects out: into trash, out of meta.db, and off the disk.
// Whatever lies in trash at a start is settled by whether its record is there. What
// was pinned since it was marked stays.
func (s *Store) remove(victims []digest.Digest, why Reason) (went Evicted, err error) {
	defer s.unmarkEvicting(victims)
	for i, d := range victims {
		s.hot.remove(d)
		s.files.remove(d)
		if err := os.Rename(s.blobPath(d), s.trashPath(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return went, errors.Join(err, s.restore(victims[:i]))
		}
	}
	// A file that is back in its place after a power cut, without its record, would
	// never be found.
	if err := durable.SyncDir(filepath.Join(s.dir, "trash")); err != nil {
		return went, errors.Join(err, s.restore(victims))
	}
	var gone, kept []digest.Digest
	var names []string
	err = s.db.Update(func(tx *bolt.Tx) error {
		for _, d := range victims {
			if why != Lost && why != Purged && isPinned(tx, rawKey(d), nil) {
				kept = append(kept, d)
				continue
			}
			n, led, err := deleteObject(tx, rawKey(d))
			if err != nil {
				return err
			}
			went = Evicted{went.Objects + 1, went.Bytes + n}
			gone, names = append(gone, d), append(names, led...)
		}
		return nil
	})
	s.names.drop(names...)
	if err != nil { // nothing was deleted
		return Evicted{}, errors.Join(err, s.restore(victims))
	}
	for _, d := range gone {
		s.removeQuietly(s.trashPath(d))
	}
	s.evicted.add(why, went)
	return went, s.restore(kept)
}

// restore brings files back from trash.
func (s *Store) restore(list []digest.Digest) (err error) {
	for _, d := range list {
		if rerr := os.Rename(s.trashPath(d), s.blobPath(d)); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
