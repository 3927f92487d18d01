package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"mirrord/internal/digest"
	"mirrord/internal/durable"
	"mirrord/internal/worth"

	bolt "go.etcd.io/bbolt"
)

// evictBatch bounds one transaction of an eviction.
const evictBatch = 256

// lack is how many bytes are to go, and why.
type lack struct {
	bytes   int64
	why     Reason
	account string // whose budget it is, where why is OverAccount
	ahead   int64  // what is kept free besides
}

// evict makes room, at most as much as is lacking and a batch of objects in one call:
// partials that nobody fills go first, then what no current generation names, then
// what is worth least. What is pinned, being read or being committed stays. more
// tells that something went, and that another call may find more.
func (s *Store) evict(l lack) (more bool, err error) {
	if more, err = s.evictParked(l); more || err != nil {
		return more, err
	}
	if err := s.flushTouched(); err != nil {
		return false, err
	}
	victims, err := s.victims(l)
	if err != nil || len(victims) == 0 {
		return false, err
	}
	_, err = s.remove(victims, l.why)
	return true, err
}

func (s *Store) evictParked(l lack) (any bool, err error) {
	for freed := int64(0); freed < l.bytes && err == nil; any = true {
		name, h, ok := s.space.anyParked(l)
		if !ok {
			break
		}
		// The file first: without a record nobody waits for this eviction.
		s.removeQuietly(s.partialPath(name))
		err = s.dropPart(name)
		s.space.release(h)
		freed += h.reserved
	}
	return any, err
}

// victims picks what goes first of what nobody reads, and marks it: from here on it
// can not be opened.
func (s *Store) victims(l lack) ([]digest.Digest, error) {
	var list []digest.Digest
	err := s.db.View(func(tx *bolt.Tx) error {
		objects, next := tx.Bucket(bucketObjects), newChooser(tx, l)
		for l.bytes > 0 && len(list) < evictBatch {
			raw, p := next.choose()
			if raw == nil {
				return nil
			}
			var rec record
			d := digestOfKey(raw)
			if getJSON(objects, raw, &rec) && s.markEvicting(d) {
				list = append(list, d)
				next.bytes[p] -= rec.Size
				l.bytes -= rec.Size
			}
		}
		return nil
	})
	return list, err
}

// chooser goes through the order of eviction of one account, or of all.
type chooser struct {
	lines [pinnedDown][]*line
	bytes [places]int64 // that stand there
}

func newChooser(tx *bolt.Tx, l lack) *chooser {
	c := new(chooser)
	for name, a := range readAccounts(tx) {
		if l.why == OverAccount && name != l.account {
			continue
		}
		for p := range pinnedDown {
			c.lines[p] = append(c.lines[p], newLine(tx, name, p))
			c.bytes[p] += a.Bytes[p]
		}
	}
	return c
}

// choose gives the next object and its place, nil at the end.
func (c *chooser) choose() ([]byte, place) {
	order := [...]place{superseded, again, once}
	if worth.OnceFirst(c.bytes[once], c.bytes[again]) {
		order = [...]place{superseded, once, again}
	}
	for _, p := range order {
		var first *line
		for _, l := range c.lines[p] {
			if l.key != nil && (first == nil || l.before(first)) {
				first = l
			}
		}
		if first != nil {
			defer first.next()
			return first.sum(), p
		}
	}
	return nil, 0
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
			rec, p, ok := recordOf(tx, rawKey(d))
			switch {
			case p == pinnedDown && why != Lost && why != Purged:
				kept = append(kept, d)
				continue
			case ok:
				went = Evicted{went.Objects + 1, went.Bytes + rec.Size}
			}
			gone, names = append(gone, d), append(names, rec.Names...)
			if err := errors.Join(deleteObject(tx, rawKey(d), rec), why.advance(tx, rec, p)); err != nil {
				return err
			}
		}
		return nil
	})
	s.names.drop(names...)
	if err != nil {
		return Evicted{}, errors.Join(err, s.restore(victims))
	}
	for _, d := range gone {
		s.removeQuietly(s.trashPath(d))
	}
	s.evicted.add(why, went)
	return went, s.restore(kept)
}

// restore brings files back from trash whose records are there. A transaction that
// failed as it was synced may have deleted them: the next start settles the rest.
func (s *Store) restore(list []digest.Digest) (err error) {
	for _, d := range list {
		if !s.Has(d) {
			continue
		}
		if rerr := os.Rename(s.trashPath(d), s.blobPath(d)); !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}
