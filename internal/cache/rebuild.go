package cache

import (
	"bytes"
	"errors"
	"maps"
	"slices"

	"mirrord/internal/worth"

	bolt "go.etcd.io/bbolt"
)

// rebuildBatch bounds the records of one transaction.
const rebuildBatch = 10_000

// transactor is a database, with or without what opens it anew.
type transactor interface {
	View(func(*bolt.Tx) error) error
	Update(func(*bolt.Tx) error) error
}

// rebuildOrder makes the order of eviction and the accounts anew from the records.
// Where it is cut short it is done again from the start: only an earlier format and
// a repair need it.
func rebuildOrder(db transactor) error {
	clocks := make(map[string]account)
	err := db.Update(func(tx *bolt.Tx) error {
		for name, a := range readAccounts(tx) {
			clocks[name] = account{Clock: a.Clock}
		}
		if err := errors.Join(renew(tx, bucketOrder), renew(tx, bucketAccounts)); err != nil {
			return err
		}
		for name, a := range clocks {
			if err := a.write(tx, name); err != nil {
				return err
			}
		}
		return nil
	})
	for from := []byte{0}; from != nil && err == nil; {
		err = db.Update(func(tx *bolt.Tx) (err error) {
			from, err = rebuildFrom(tx, from)
			return err
		})
	}
	return err
}

// rebuildFrom enters a batch of records and tells where the next one begins, nil at
// the end.
func rebuildFrom(tx *bolt.Tx, from []byte) (next []byte, err error) {
	objects := tx.Bucket(bucketObjects)
	batch := make(map[string]record)
	c := objects.Cursor()
	raw, text := c.Seek(from)
	for ; raw != nil && len(batch) < rebuildBatch; raw, text = c.Next() {
		var rec record
		if readJSON(text, &rec) {
			batch[string(raw)] = rec
		}
	}
	next = bytes.Clone(raw)
	for _, raw := range slices.Sorted(maps.Keys(batch)) {
		rec := batch[raw]
		if rec.Uses == 0 { // of an earlier format
			rec.Uses, rec.Worth = 1, worth.Of(1, rec.Size)
			err = putJSON(objects, []byte(raw), rec)
		}
		if err = errors.Join(err, enter(tx, []byte(raw), rec)); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// renew empties a bucket.
func renew(tx *bolt.Tx, bucket []byte) error {
	if err := tx.DeleteBucket(bucket); err != nil {
		return err
	}
	_, err := tx.CreateBucket(bucket)
	return err
}

// order checks that every object stands in its place once, and that the accounts
// add up.
func (c *checker) order(tx *bolt.Tx) error {
	want := make(map[string]account)
	standing := int64(0)
	err := tx.Bucket(bucketObjects).ForEach(func(raw, text []byte) error {
		var rec record
		if !readJSON(text, &rec) {
			return nil // told already
		}
		p, a := placeOf(tx, raw, rec), want[rec.Account]
		a.Objects[p]++
		a.Bytes[p] += rec.Size
		want[rec.Account] = a
		if p == pinnedDown {
			return nil
		}
		standing++
		if tx.Bucket(bucketOrder).Get(orderKey(rec, p, raw)) == nil {
			c.problem(c.later, "%s has no place in the order of eviction", digestOfKey(raw))
		}
		return nil
	})
	if n := int64(tx.Bucket(bucketOrder).Stats().KeyN); n > standing {
		c.problem(c.later, "%d places in the order of eviction, expected %d", n, standing)
	}
	for name, a := range readAccounts(tx) {
		if w := want[name]; a.Objects != w.Objects || a.Bytes != w.Bytes {
			c.problem(c.later, "account %q has %d objects of %d bytes by place, expected %d of %d", name, a.Objects, a.Bytes, w.Objects, w.Bytes)
		}
		delete(want, name)
	}
	for name := range want {
		c.problem(c.later, "account %q is missing", name)
	}
	return err
}
