package cache

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Collection says what Collect leaves.
type Collection struct {
	// Named gives what is to stay: all that the generations name. Each digest takes
	// some 20 bytes of memory meanwhile.
	Named []Naming
	// Idle spares what was used within it: what a generation names is fetched before
	// the generation is recorded.
	Idle time.Duration
	// Limit ends the collection when it has found as many bytes, 0 = no limit.
	Limit int64
	// DryRun only counts.
	DryRun bool
}

// Collect removes what nothing names, and tells how much that was: no entry leads
// to it, c.Named does not give it, and nobody pins it. What is being read or
// committed stays. It looks at every object, many in one short transaction, and
// ends early where ctx does.
func (s *Store) Collect(ctx context.Context, c Collection) (found Evicted, err error) {
	if err := s.flushTouched(); err != nil {
		return found, err
	}
	w := sweep{s: s, c: c, named: make(map[uint64]struct{}), before: s.now().Add(-c.Idle).UnixMilli()}
	if err := s.each(c.Named, func(_ *bolt.Tx, d digest.Digest) { w.named[short(d)] = struct{}{} }); err != nil {
		return found, err
	}
	for next := []byte{0}; next != nil; {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		var n Evicted
		if n, next, err = w.step(next, found.Bytes); err != nil {
			return found, err
		}
		found.Objects += n.Objects
		found.Bytes += n.Bytes
	}
	return found, nil
}

// sweep is one collection under way.
type sweep struct {
	s      *Store
	c      Collection
	named  map[uint64]struct{} // by short
	before int64               // unix milliseconds: what was used since is spared
}

// short is the beginning of a digest. Where two are alike an object stays that
// could go.
func short(d digest.Digest) uint64 { return binary.BigEndian.Uint64(pinnedOf(d)[1:]) }

// sweepStep bounds the records that one transaction looks at.
const sweepStep = 1024

// step looks at the objects from a key on, and tells where the next step begins,
// nil at the end.
func (w *sweep) step(from []byte, sofar int64) (found Evicted, next []byte, err error) {
	var loose []digest.Digest
	err = w.s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketObjects).Cursor()
		raw, text := c.Seek(from)
		for n := 0; raw != nil && n < sweepStep && len(loose) < evictBatch; n++ {
			var rec record
			d := digestOfKey(raw)
			if readJSON(text, &rec) && w.loose(tx, d, raw, rec) {
				loose = append(loose, d)
				found = Evicted{found.Objects + 1, found.Bytes + rec.Size}
			}
			if raw, text = c.Next(); w.c.Limit > 0 && sofar+found.Bytes >= w.c.Limit {
				return nil
			}
		}
		next = slices.Clone(raw)
		return nil
	})
	if err != nil || w.c.DryRun || len(loose) == 0 {
		return found, next, err
	}
	found, err = w.s.remove(loose, Collected)
	return found, next, err
}

// loose reports an object that nothing names and nobody uses. It is marked then,
// unless that is only to be counted.
func (w *sweep) loose(tx *bolt.Tx, d digest.Digest, raw []byte, rec record) bool {
	if rec.Accessed > w.before || len(rec.entries()) > 0 || isPinned(tx, raw, rec.Names) {
		return false
	}
	if w.isNamed(d) || slices.ContainsFunc(rec.aliases(), w.isNamed) {
		return false
	}
	if w.c.DryRun {
		return !w.s.inUse(d)
	}
	return w.s.markEvicting(d)
}

func (w *sweep) isNamed(d digest.Digest) bool {
	_, ok := w.named[short(d)]
	return ok
}
