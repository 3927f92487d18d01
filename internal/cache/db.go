package cache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Buckets of meta.db. Sums are raw SHA-256.
var (
	bucketObjects  = []byte("objects")  // sum -> record
	bucketOrder    = []byte("order")    // orderKey -> nothing: in each place of each account what goes first
	bucketAccounts = []byte("accounts") // accountKey -> account
	bucketEntries  = []byte("entries")  // name -> Entry
	bucketParts    = []byte("parts")    // partial's file name -> part
	bucketStats    = []byte("stats")    // counters
	bucketOwners   = []byte("owners")   // owner -> what it pins
	bucketPins     = []byte("pins")     // pinned -> number of owners
	bucketTables   = []byte("tables")   // the tables of whoever uses Update
)

var buckets = [][]byte{
	bucketObjects, bucketOrder, bucketAccounts, bucketEntries, bucketParts, bucketStats, bucketOwners, bucketPins, bucketTables,
}

var (
	keyBytes   = []byte("bytes")   // sum of the objects' sizes
	keyObjects = []byte("objects") // number of objects
	keyFormat  = []byte("format")
)

func counter(stats *bolt.Bucket, key []byte) int64 {
	v := stats.Get(key)
	if len(v) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(v))
}

func addCounter(tx *bolt.Tx, key []byte, delta int64) error {
	stats := tx.Bucket(bucketStats)
	return stats.Put(key, binary.BigEndian.AppendUint64(nil, uint64(counter(stats, key)+delta)))
}

func putJSON(b *bolt.Bucket, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

// getJSON reads key into v; ok is false where it is missing or unreadable, which
// is the same to all who ask: a cache forgets.
func getJSON(b *bolt.Bucket, key []byte, v any) (ok bool) {
	return readJSON(b.Get(key), v)
}

func readJSON(text []byte, v any) bool { return text != nil && json.Unmarshal(text, v) == nil }

// Tx reads and writes tables of keys and values that belong to the Store's
// user. Slices that it returns are valid until its end.
type Tx struct{ root, entries *bolt.Bucket }

func txOf(tx *bolt.Tx) Tx { return Tx{tx.Bucket(bucketTables), tx.Bucket(bucketEntries)} }

// View runs fn on a consistent state. fn must be short: the database cannot
// grow meanwhile.
func (s *Store) View(fn func(Tx) error) error {
	defer s.looked()
	return s.db.View(func(tx *bolt.Tx) error { return fn(txOf(tx)) })
}

// Update runs fn in one durable step: all of it or, when it fails, nothing.
func (s *Store) Update(fn func(Tx) error) error {
	return s.db.Update(func(tx *bolt.Tx) error { return fn(txOf(tx)) })
}

// Get is the value of key, nil where the table or the key is missing.
func (t Tx) Get(table string, key []byte) []byte {
	if b := t.root.Bucket([]byte(table)); b != nil {
		return b.Get(key)
	}
	return nil
}

// Tables lists the tables whose names begin with prefix.
func (t Tx) Tables(prefix string) (names []string) {
	c := t.root.Cursor()
	for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
		names = append(names, string(k))
	}
	return names
}

// Has reports whether the table exists, empty or not.
func (t Tx) Has(table string) bool { return t.root.Bucket([]byte(table)) != nil }

// Put sets key; the table is made where it is missing. Keys that come in order
// are written fastest.
func (t Tx) Put(table string, key, value []byte) error {
	b, err := t.Table(table)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

// Table is a handle for many writes to one table, which is made where missing.
func (t Tx) Table(table string) (*bolt.Bucket, error) {
	b, err := t.root.CreateBucketIfNotExists([]byte(table))
	if err == nil {
		b.FillPercent = 0.9 // tables are written in order, once
	}
	return b, err
}

// Delete removes key.
func (t Tx) Delete(table string, key []byte) error {
	if b := t.root.Bucket([]byte(table)); b != nil {
		return b.Delete(key)
	}
	return nil
}

// Drop removes a table with all it holds; one that is missing is no error.
func (t Tx) Drop(table string) error {
	if err := t.root.DeleteBucket([]byte(table)); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
		return err
	}
	return nil
}

// Cursor walks a table in order, nil where the table is missing.
func (t Tx) Cursor(table string) *bolt.Cursor {
	if b := t.root.Bucket([]byte(table)); b != nil {
		return b.Cursor()
	}
	return nil
}

// Entries walks the names of all entries in order; DecodeEntry reads the values.
func (t Tx) Entries() *bolt.Cursor { return t.entries.Cursor() }

// DecodeEntry reads a value of Entries.
func DecodeEntry(value []byte) (e Entry, ok bool) {
	return e, json.Unmarshal(value, &e) == nil
}

// Each calls fn for every key of the table, in order.
func (t Tx) Each(table string, fn func(key, value []byte) error) error {
	if b := t.root.Bucket([]byte(table)); b != nil {
		return b.ForEach(fn)
	}
	return nil
}
