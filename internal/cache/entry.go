package cache

import (
	"errors"
	"slices"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Entry is what a name leads to, for files that no index vouches for.
type Entry struct {
	Digest  digest.Digest `json:"d"`
	Checked time.Time     `json:"t"` // when upstream last said that this is it
	Meta                  // upstream's validators of this name
	// Before is what the name led to before, the latest first. The Store fills it in;
	// the objects may be gone.
	Before []digest.Digest `json:"b,omitempty"`
}

// beforeMost bounds Entry.Before: a client that comes once a week still has one of
// them, of what changes every other day.
const beforeMost = 4

// after tells what e leads to and led to before, now that it follows another.
func (e Entry) after(before Entry) Entry {
	e.Before = before.Before
	if before.Digest != e.Digest {
		led := func(d digest.Digest) bool { return d == e.Digest || d == before.Digest }
		e.Before = slices.Concat([]digest.Digest{before.Digest}, slices.DeleteFunc(slices.Clone(before.Before), led))
	}
	e.Before = e.Before[:min(len(e.Before), beforeMost)]
	return e
}

// Entry looks a name up.
func (s *Store) Entry(name string) (Entry, bool) {
	e, ok, turn := s.names.get(name)
	if ok {
		return e, true
	}
	defer s.looked()
	err := s.db.View(func(tx *bolt.Tx) error {
		ok = getJSON(tx.Bucket(bucketEntries), []byte(name), &e)
		return nil
	})
	if ok = ok && err == nil; ok {
		s.names.put(name, e, turn)
	}
	return e, ok
}

// Checked notes that upstream still says that name leads to e.Digest.
func (s *Store) Checked(name string, e Entry) error {
	e.Checked = s.now()
	defer s.names.drop(name)
	return s.db.Batch(func(tx *bolt.Tx) error {
		var now Entry
		b := tx.Bucket(bucketEntries)
		if !getJSON(b, []byte(name), &now) || now.Digest != e.Digest {
			return nil // it leads elsewhere by now
		}
		return putJSON(b, []byte(name), e.after(now))
	})
}

// Expire forgets when the source last said that the entry of name holds, so that it
// is asked at the next use. A name without an entry is none.
func (s *Store) Expire(name string) error {
	defer s.names.drop(name)
	return s.db.Batch(func(tx *bolt.Tx) error {
		var e Entry
		b := tx.Bucket(bucketEntries)
		if !getJSON(b, []byte(name), &e) {
			return nil
		}
		e.Checked = time.Time{}
		return putJSON(b, []byte(name), e)
	})
}

// Name has name lead to e.Digest as well, which is stored; where it is not,
// nothing happens.
func (s *Store) Name(name string, e Entry) error {
	e.Checked = s.now()
	return s.name(name, e)
}

// Propose is Name for what upstream has not confirmed: it is asked at the next use.
func (s *Store) Propose(name string, e Entry) error {
	e.Checked = time.Time{}
	return s.name(name, e)
}

func (s *Store) name(name string, e Entry) error {
	e.Digest = s.canonical(e.Digest)
	dropped := []string{name}
	defer func() { s.names.drop(dropped...) }()
	return s.db.Batch(func(tx *bolt.Tx) error {
		dropped = dropped[:1]
		var rec record
		raw := rawKey(e.Digest)
		if !getJSON(tx.Bucket(bucketObjects), raw, &rec) {
			return nil
		}
		after := rec
		gone, err := after.add(tx, []string{name})
		dropped = append(dropped, gone...)
		return errors.Join(err, replace(tx, raw, rec, after), moveEntry(tx, name, e))
	})
}
