package cache

import (
	"errors"
	"sync"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

const (
	// touchEvery is how often uses are written. A crash forgets at most this
	// much of the order of eviction.
	touchEvery = 30 * time.Second
	// touchGrain is the precision of access times, in milliseconds: a hot object
	// takes the lock of the pending uses ten times a second, not at every hit.
	touchGrain = 100
	// touchMax bounds what is pending, and so the size of one transaction.
	touchMax = 20_000
)

// touched collects uses of objects until they are written, many in one
// transaction: a hit never writes.
type touched struct {
	mu   sync.Mutex
	when map[digest.Digest]int64 // unix milliseconds; guarded by mu
	full chan struct{}           // capacity 1: touchMax is reached
}

func newTouched() *touched {
	return &touched{when: make(map[digest.Digest]int64), full: make(chan struct{}, 1)}
}

// touch notes that the object is used now.
func (s *Store) touch(o *object) {
	now := s.now().UnixMilli()
	if last := o.touched.Load(); now-last >= touchGrain && o.touched.CompareAndSwap(last, now) {
		s.touchDigest(o.digest, now)
	}
}

// Touch notes a use of objects that are not opened, so that they outlive what
// nobody uses.
func (s *Store) Touch(ds ...digest.Digest) {
	now := s.now().UnixMilli()
	for _, d := range ds {
		s.touchDigest(s.canonical(d), now)
	}
}

func (s *Store) touchDigest(d digest.Digest, now int64) {
	t := s.touched
	t.mu.Lock()
	defer t.mu.Unlock()
	t.when[d] = now
	if len(t.when) == touchMax {
		select {
		case t.full <- struct{}{}:
		default:
		}
	}
}

func (s *Store) keepTouching() {
	defer s.wg.Done()
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		case <-s.touched.full:
		}
		if err := s.flushTouched(); err != nil {
			s.log.Error("cannot write access times", "err", err)
		}
	}
}

// flushTouched moves the objects used since the last call to the recent end.
func (s *Store) flushTouched() error {
	t := s.touched
	t.mu.Lock()
	when := t.when
	t.when = make(map[digest.Digest]int64)
	t.mu.Unlock()
	if len(when) == 0 {
		return nil
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		objects := tx.Bucket(bucketObjects)
		for d, at := range when {
			var rec record
			raw := rawKey(d)
			if !getJSON(objects, raw, &rec) || rec.Accessed >= at {
				continue
			}
			if err := leave(tx, raw, rec); err != nil {
				return err
			}
			rec.Accessed = at
			if err := errors.Join(putJSON(objects, raw, rec), enter(tx, raw, rec)); err != nil {
				return err
			}
		}
		return nil
	})
}
