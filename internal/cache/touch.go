package cache

import (
	"sync"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/worth"

	bolt "go.etcd.io/bbolt"
)

const (
	// touchEvery is how often uses are written. A crash forgets at most this
	// much of the order of eviction.
	touchEvery = 30 * time.Second
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

// touch notes that the object is used now, where that counts.
func (s *Store) touch(o *object) {
	now, last := s.now().UnixMilli(), o.touched.Load()
	if worth.Again(max(last, o.Accessed), now) && o.touched.CompareAndSwap(last, now) {
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
		if err := s.flushTouched(); err != nil {
			s.log.Error("cannot write access times", "err", err)
		}
		if err := s.space.settle(); err != nil {
			s.log.Error("cannot make room", "err", err)
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		case <-s.touched.full:
		case <-s.space.low:
		}
	}
}

// flushTouched writes the uses since the last call, and with them what the objects
// are worth now.
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
		for d, at := range when {
			if err := useObject(tx, rawKey(d), at); err != nil {
				return err
			}
		}
		return nil
	})
}

// useObject notes a use of an object; where it is gone nothing happens.
func useObject(tx *bolt.Tx, raw []byte, at int64) error {
	var rec record
	if !getJSON(tx.Bucket(bucketObjects), raw, &rec) {
		return nil
	}
	before := rec
	if !rec.use(tx, at) {
		return nil
	}
	return replace(tx, raw, before, rec)
}
