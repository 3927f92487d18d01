package cache

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Meta is what upstream said of an object's bytes.
type Meta struct {
	LastModified string `json:"l,omitempty"` // HTTP date
	ETag         string `json:"e,omitempty"`
	ContentType  string `json:"c,omitempty"`
	Link         string `json:"k,omitempty"` // where a list goes on, RFC 8288
}

// record is an object's row in meta.db.
type record struct {
	Size     int64    `json:"s"`
	Accessed int64    `json:"a"`           // unix milliseconds of the last use that counted
	Uses     int      `json:"u,omitempty"` // that counted
	Worth    float64  `json:"w,omitempty"` // what it is worth, as of its last use
	Account  string   `json:"r,omitempty"` // who pays for it
	Names    []string `json:"n,omitempty"` // entries that lead here and go with it
	// Superseded: nothing current names it any more.
	Superseded bool `json:"o,omitempty"`
	Meta
}

// object is a record in the hot list.
type object struct {
	record
	digest  digest.Digest
	body    []byte       // the whole object where it is small, else nil
	touched atomic.Int64 // unix milliseconds of the last use that was noted
}

// ErrNotStored reports that the store has no such object.
var ErrNotStored = errors.New("not stored")

// rawKey is the object's key in meta.db.
func rawKey(d digest.Digest) []byte {
	raw, _ := hex.DecodeString(d.Hex())
	return raw
}

func digestOfKey(raw []byte) digest.Digest { return digest.FromSum(digest.SHA256, raw) }

// Object opens a stored object by its digest, ErrNotStored where it is missing.
func (s *Store) Object(d digest.Digest) (*Content, error) {
	o, err := s.lookup(d)
	if err != nil {
		return nil, err
	}
	c, err := s.open(o)
	if unreadable(err) {
		return nil, errors.Join(ErrNotStored, s.lost(o.digest, err))
	}
	return c, err
}

// Has reports whether the object is stored, without opening it.
func (s *Store) Has(d digest.Digest) bool {
	_, err := s.lookup(d)
	return err == nil
}

// lookup finds the record, in the hot list or in meta.db.
func (s *Store) lookup(d digest.Digest) (*object, error) {
	d = s.canonical(d)
	if o, ok := s.hot.get(d); ok {
		return o, nil
	}
	if d.Algorithm() != digest.SHA256 {
		return nil, ErrNotStored
	}
	o := &object{digest: d}
	found := false
	defer s.looked()
	err := s.db.View(func(tx *bolt.Tx) error {
		found = getJSON(tx.Bucket(bucketObjects), rawKey(d), &o.record)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNotStored
	}
	return o, nil
}

// canonical is the SHA-256 digest that names the object: objects that an index
// names by another algorithm are found through an entry.
func (s *Store) canonical(d digest.Digest) digest.Digest {
	if d == "" || d.Algorithm() == digest.SHA256 {
		return d
	}
	if e, ok := s.Entry(string(d)); ok {
		return e.Digest
	}
	return d
}

// open makes a Content of a stored object and notes the use.
func (s *Store) open(o *object) (*Content, error) {
	c := &Content{store: s, Size: o.Size, Digest: o.digest, Meta: o.Meta, How: Hit, Stored: true}
	if o.body != nil {
		c.hold(o.body)
		s.touch(o)
		return c, nil
	}
	if !s.acquire(o.digest) {
		return nil, ErrNotStored
	}
	sf, err := s.files.open(o.digest, s.blobPath(o.digest), o.Size)
	if err != nil {
		s.release(o.digest)
		return nil, err
	}
	f := &File{sf: sf, size: o.Size}
	if o.Size > hotBody {
		c.file, c.ReadSeeker = sf, f
		s.hot.add(o)
	} else {
		body := make([]byte, o.Size)
		if _, err = io.ReadFull(f, body); err == nil {
			o.body = body
			s.hot.add(o) // before the release: an eviction takes it off again
			c.hold(body)
		}
		s.files.putBack(sf)
		s.files.remove(o.digest)
		s.release(o.digest)
	}
	if err != nil {
		return nil, err
	}
	s.touch(o)
	return c, nil
}

// lost is lose for an object whose file cannot be read.
func (s *Store) lost(d digest.Digest, err error) error {
	s.log.Warn("an object's file is lost; its record goes too", "digest", string(d), "err", err)
	return s.lose(d)
}

// lose drops an object whose file is missing or wrong, what leads to it, and what
// is left of the file. While another reads it nothing happens.
func (s *Store) lose(d digest.Digest) error {
	if !s.markEvicting(d) {
		return nil
	}
	_, err := s.remove([]digest.Digest{d}, Lost)
	return err
}

// recordOf reads a record and tells where it stands.
func recordOf(tx *bolt.Tx, raw []byte) (rec record, p place, ok bool) {
	if ok = getJSON(tx.Bucket(bucketObjects), raw, &rec); ok {
		p = placeOf(tx, raw, rec)
	}
	return rec, p, ok
}

// deleteObject removes the object's record with its entries and its place. One that
// is not there is no error.
func deleteObject(tx *bolt.Tx, raw []byte, rec record) error {
	objects, entries := tx.Bucket(bucketObjects), tx.Bucket(bucketEntries)
	if objects.Get(raw) == nil {
		return nil
	}
	for _, name := range rec.Names {
		var e Entry
		if getJSON(entries, []byte(name), &e) && bytes.Equal(rawKey(e.Digest), raw) {
			if err := entries.Delete([]byte(name)); err != nil {
				return err
			}
		}
	}
	return errors.Join(
		leave(tx, raw, rec),
		objects.Delete(raw),
		addCounter(tx, keyBytes, -rec.Size),
		addCounter(tx, keyObjects, -1))
}

// namesMax bounds the entries that lead to one object: there are upstreams that
// answer whatever path they are asked for alike.
const namesMax = 256

// putObject writes the record of a new object, or adds names to one that is there.
// Where it has too many the oldest are dropped.
func putObject(tx *bolt.Tx, d digest.Digest, rec record, names ...string) (dropped []string, err error) {
	raw, at := rawKey(d), rec.Accessed
	var old record
	if getJSON(tx.Bucket(bucketObjects), raw, &old) {
		if err := leave(tx, raw, old); err != nil {
			return nil, err
		}
		rec = old
	} else if err := errors.Join(addCounter(tx, keyBytes, rec.Size), addCounter(tx, keyObjects, 1)); err != nil {
		return nil, err
	}
	rec.use(tx, at)
	dropped, err = rec.add(tx, names)
	return dropped, errors.Join(err, putJSON(tx.Bucket(bucketObjects), raw, rec), enter(tx, raw, rec))
}

// add notes that names lead to the object. Where it has too many the entries of
// the oldest are deleted.
func (rec *record) add(tx *bolt.Tx, names []string) (dropped []string, err error) {
	rec.Names = slices.Clone(rec.Names)
	for _, name := range names {
		if !slices.Contains(rec.Names, name) {
			rec.Names = append(rec.Names, name)
		}
		rec.Superseded = false
	}
	if over := len(rec.Names) - namesMax; over > 0 {
		dropped, rec.Names = rec.Names[:over], rec.Names[over:]
	}
	for _, name := range dropped {
		if err := tx.Bucket(bucketEntries).Delete([]byte(name)); err != nil {
			return nil, err
		}
	}
	return dropped, nil
}
