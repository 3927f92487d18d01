package cache

import (
	"errors"
	"maps"
	"slices"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// What is superseded is named by nothing current: by no entry, and by no current
// generation, of which the Store's user tells. It goes before all else. A use does
// not change that: who is behind uses what is superseded.

// Naming gives the digests that one thing names, an index or a root, by calling add
// for each. It is given a transaction of its own.
type Naming func(tx Tx, add func(digest.Digest)) error

// each calls fn for every digest that names give. The transaction is as View's.
func (s *Store) each(names []Naming, fn func(*bolt.Tx, digest.Digest)) error {
	for _, name := range names {
		err := s.db.View(func(tx *bolt.Tx) error {
			return name(txOf(tx), func(d digest.Digest) { fn(tx, d) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Supersede marks the stored objects that old names and current does not, and tells
// how many. Memory is taken for the objects that old names and that are stored.
func (s *Store) Supersede(old, current []Naming) (int, error) {
	found := make(map[string][]digest.Digest) // sum of an object -> what else it is called
	err := s.each(old, func(tx *bolt.Tx, d digest.Digest) {
		if raw, rec, ok := objectOf(tx, d); ok && !rec.Superseded && len(rec.entries()) == 0 {
			found[string(raw)] = rec.aliases()
		}
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	called := make(map[digest.Digest]string)
	for raw, aliases := range found {
		for _, d := range append(aliases, digestOfKey([]byte(raw))) {
			called[d] = raw
		}
	}
	err = s.each(current, func(_ *bolt.Tx, d digest.Digest) { delete(found, called[d]) })
	if err != nil {
		return 0, err
	}
	return len(found), s.mark(slices.Sorted(maps.Keys(found)), true)
}

// Revive takes the mark off the objects that current names, and tells how many.
func (s *Store) Revive(current ...Naming) (int, error) {
	found := make(map[string]struct{})
	err := s.each(current, func(tx *bolt.Tx, d digest.Digest) {
		if raw, rec, ok := objectOf(tx, d); ok && rec.Superseded {
			found[string(raw)] = struct{}{}
		}
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return len(found), s.mark(slices.Sorted(maps.Keys(found)), false)
}

// markBatch bounds the objects that one transaction marks.
const markBatch = 1024

// mark moves objects to the place of the superseded, or back to their own.
func (s *Store) mark(sums []string, as bool) error {
	for batch := range slices.Chunk(sums, markBatch) {
		err := s.db.Update(func(tx *bolt.Tx) error {
			for _, raw := range batch {
				var rec record
				if !getJSON(tx.Bucket(bucketObjects), []byte(raw), &rec) {
					continue // evicted meanwhile
				}
				after := rec
				after.Superseded = as
				if err := replace(tx, []byte(raw), rec, after); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replace writes another record of an object that is there.
func replace(tx *bolt.Tx, raw []byte, before, after record) error {
	return errors.Join(leave(tx, raw, before), putJSON(tx.Bucket(bucketObjects), raw, after), enter(tx, raw, after))
}

// aliases are the object's digests by other algorithms, which stand among its names.
func (rec record) aliases() (all []digest.Digest) {
	for _, name := range rec.Names {
		if d, err := digest.Parse(name); err == nil {
			all = append(all, d)
		}
	}
	return all
}

// entries are the names that are no aliases.
func (rec record) entries() (all []string) {
	for _, name := range rec.Names {
		if _, err := digest.Parse(name); err != nil {
			all = append(all, name)
		}
	}
	return all
}
