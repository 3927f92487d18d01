package cache

import (
	"encoding/binary"
	"errors"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Pins are what one owner pins.
type Pins struct {
	Owner  string
	Pinned int   // digests
	Stored int   // of them, those whose object is stored
	Bytes  int64 // of these objects
}

// Pins counts every owner's. It looks at each pin.
func (s *Store) Pins() (all []Pins, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		owners := tx.Bucket(bucketOwners)
		return owners.ForEachBucket(func(owner []byte) error {
			p := Pins{Owner: string(owner)}
			err := owners.Bucket(owner).ForEach(func(k, _ []byte) error {
				p.Pinned++
				if _, rec, ok := objectOf(tx, pinned(k).digest()); ok {
					p.Stored++
					p.Bytes += rec.Size
				}
				return nil
			})
			all = append(all, p)
			return err
		})
	})
	return all, err
}

// PinnedBy gives the digests that owner pins. fn must be short, as in View.
func (s *Store) PinnedBy(owner string, fn func(digest.Digest) error) error {
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketOwners).Bucket([]byte(owner))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, _ []byte) error { return fn(pinned(k).digest()) })
	})
}

// PinOwners lists who pins the digest, whether its object is stored or not.
func (s *Store) PinOwners(d digest.Digest) (owners []string, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		all := tx.Bucket(bucketOwners)
		return all.ForEachBucket(func(owner []byte) error {
			if all.Bucket(owner).Get(pinnedOf(d)) != nil {
				owners = append(owners, string(owner))
			}
			return nil
		})
	})
	return owners, err
}

// pins checks that each count is that of the owners' own lists.
func (c *checker) pins() error {
	return c.s.db.View(func(tx *bolt.Tx) error {
		left, err := countPins(tx)
		if err != nil {
			return err
		}
		pins := tx.Bucket(bucketPins)
		err = pins.ForEach(func(k, _ []byte) error {
			if n, want := counter(pins, k), left[string(k)]; n != want {
				c.problem(c.later, "%s is pinned by %d owners, expected %d", pinned(k).digest(), n, want)
			}
			delete(left, string(k))
			return nil
		})
		for k, want := range left {
			c.problem(c.later, "%s is pinned by 0 owners, expected %d", pinned(k).digest(), want)
		}
		return err
	})
}

// recountPins makes the counts anew from the owners' lists.
func (c *checker) recountPins(tx *bolt.Tx) error {
	all, err := countPins(tx)
	if err == nil {
		err = renew(tx, bucketPins)
	}
	for k, n := range all {
		err = errors.Join(err, tx.Bucket(bucketPins).Put([]byte(k), binary.BigEndian.AppendUint64(nil, uint64(n))))
	}
	return err
}

// countPins counts the owners of each pin.
func countPins(tx *bolt.Tx) (map[string]int64, error) {
	all := make(map[string]int64)
	owners := tx.Bucket(bucketOwners)
	err := owners.ForEachBucket(func(owner []byte) error {
		return owners.Bucket(owner).ForEach(func(k, _ []byte) error {
			all[string(k)]++
			return nil
		})
	})
	return all, err
}
