package cache

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// A pin keeps an object from eviction and from Collect. An owner sets it on a
// digest, and the object is kept as long as anybody pins it: an operator pins one
// object, a snapshot all that its generation's tables name. A pin takes 120 bytes
// of meta.db and no memory. Where several snapshots hold the same table, let the
// table be the owner: pinned for the first of them, unpinned after the last.

const (
	// pinBatch bounds the pins that one transaction sets or drops.
	pinBatch = 4096
	// ownerMost bounds an owner's name, in bytes.
	ownerMost = 1024
)

// ErrOwner reports a pin without an owner, or one whose name is too long.
var ErrOwner = errors.New("the owner of a pin must have a name, of 1024 bytes at most")

// Pin keeps the objects for owner, those that are stored and those that will be.
// What owner has pinned already stays so. A large set takes several transactions:
// where it fails, or the process ends, some are pinned, and the same call pins the
// rest.
//
// A pin does not keep what is broken: an object whose file is lost goes, and is
// pinned when it has been fetched again.
func (s *Store) Pin(owner string, ds ...digest.Digest) error {
	if owner == "" || len(owner) > ownerMost {
		return ErrOwner
	}
	return s.inBatches(ds, func(tx *bolt.Tx, d digest.Digest) error { return pin(tx, owner, d) })
}

// Unpin drops owner's pins of the objects; what owner has not pinned is passed
// over. They return to the place in the order of eviction that their last use gave
// them.
func (s *Store) Unpin(owner string, ds ...digest.Digest) error {
	return s.inBatches(ds, func(tx *bolt.Tx, d digest.Digest) error { return unpin(tx, owner, d) })
}

// UnpinAll drops all pins of owner.
func (s *Store) UnpinAll(owner string) error {
	for {
		ds, err := s.firstPins(owner)
		if err == nil && len(ds) > 0 {
			err = s.Unpin(owner, ds...)
		}
		if err != nil || len(ds) == 0 {
			return err
		}
	}
}

func (s *Store) firstPins(owner string) (ds []digest.Digest, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketOwners).Bucket([]byte(owner))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		for k, _ := c.First(); k != nil && len(ds) < pinBatch; k, _ = c.Next() {
			ds = append(ds, pinned(k).digest())
		}
		return nil
	})
	return ds, err
}

// inBatches runs fn for every digest, many in one transaction, and in order, so
// that a page is written once.
func (s *Store) inBatches(ds []digest.Digest, fn func(*bolt.Tx, digest.Digest) error) error {
	for _, d := range ds {
		if _, err := digest.Parse(string(d)); err != nil {
			return err
		}
	}
	ds = slices.Clone(ds)
	slices.Sort(ds)
	for batch := range slices.Chunk(slices.Compact(ds), pinBatch) {
		err := s.db.Update(func(tx *bolt.Tx) error {
			for _, d := range batch {
				if err := fn(tx, d); err != nil {
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

// pinned is a digest as the keys of pins have it: its algorithm in one byte, and
// the sum.
type pinned []byte

var pinAlgorithms = []digest.Algorithm{digest.SHA256, digest.SHA512, digest.SHA1, digest.MD5}

func pinnedOf(d digest.Digest) pinned {
	raw, _ := hex.DecodeString(d.Hex())
	return append(pinned{byte(slices.Index(pinAlgorithms, d.Algorithm()))}, raw...)
}

// digest is "" where the key is none of ours.
func (p pinned) digest() digest.Digest {
	if len(p) == 0 || int(p[0]) >= len(pinAlgorithms) {
		return ""
	}
	return digest.FromSum(pinAlgorithms[p[0]], p[1:])
}

// there is the value of a key that only has to be there; an empty one can not be
// told from none.
var there = []byte{1}

func pin(tx *bolt.Tx, owner string, d digest.Digest) error {
	b, err := tx.Bucket(bucketOwners).CreateBucketIfNotExists([]byte(owner))
	if err != nil || b.Get(pinnedOf(d)) != nil {
		return err
	}
	return errors.Join(b.Put(pinnedOf(d), there), addPin(tx, d, +1))
}

func unpin(tx *bolt.Tx, owner string, d digest.Digest) error {
	b := tx.Bucket(bucketOwners).Bucket([]byte(owner))
	if b == nil || b.Get(pinnedOf(d)) == nil {
		return nil
	}
	if err := errors.Join(b.Delete(pinnedOf(d)), addPin(tx, d, -1)); err != nil {
		return err
	}
	if k, _ := b.Cursor().First(); k == nil {
		return tx.Bucket(bucketOwners).DeleteBucket([]byte(owner))
	}
	return nil
}

// addPin changes how many owners pin d, and with it the place of its object.
func addPin(tx *bolt.Tx, d digest.Digest, by int64) error {
	raw, rec, stored := objectOf(tx, d)
	if stored {
		if err := leave(tx, raw, rec); err != nil {
			return err
		}
	}
	err := error(nil)
	pins, key := tx.Bucket(bucketPins), pinnedOf(d)
	if n := counter(pins, key) + by; n > 0 {
		err = pins.Put(key, binary.BigEndian.AppendUint64(nil, uint64(n)))
	} else {
		err = pins.Delete(key)
	}
	if err == nil && stored {
		err = enter(tx, raw, rec)
	}
	return err
}

// objectOf finds the object that d names, by whatever algorithm.
func objectOf(tx *bolt.Tx, d digest.Digest) (raw []byte, rec record, ok bool) {
	if d.Algorithm() != digest.SHA256 {
		var e Entry
		if !getJSON(tx.Bucket(bucketEntries), []byte(d), &e) {
			return nil, rec, false
		}
		d = e.Digest
	}
	raw = rawKey(d)
	return raw, rec, getJSON(tx.Bucket(bucketObjects), raw, &rec)
}

// isPinned reports whether anybody pins the object by any of its digests; those
// of other algorithms stand among its names.
func isPinned(tx *bolt.Tx, raw []byte, names []string) bool {
	pins := tx.Bucket(bucketPins)
	if pins.Get(append(pinned{0}, raw...)) != nil {
		return true
	}
	return slices.ContainsFunc(record{Names: names}.aliases(), func(d digest.Digest) bool { return pins.Get(pinnedOf(d)) != nil })
}
