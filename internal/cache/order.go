package cache

import (
	"encoding/binary"

	bolt "go.etcd.io/bbolt"
)

// The order of eviction is an index in meta.db, so that the next victim is found
// without a look at the others. What is pinned does not stand in it.

func orderKey(rec record, raw []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(raw)), uint64(rec.Accessed)), raw...)
}

// enter gives the object its place in the order of eviction, if it may have one.
func enter(tx *bolt.Tx, raw []byte, rec record) error {
	if isPinned(tx, raw, rec.Names) {
		return nil
	}
	return tx.Bucket(bucketAccess).Put(orderKey(rec, raw), nil)
}

// leave takes the object out of the order; rec is as it was entered.
func leave(tx *bolt.Tx, raw []byte, rec record) error {
	return tx.Bucket(bucketAccess).Delete(orderKey(rec, raw))
}
