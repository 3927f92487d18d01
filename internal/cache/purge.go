package cache

import (
	"errors"
	"slices"
	"strings"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Purge takes objects out at once, and forgets names. What is being read goes too:
// its readers have the open file. A download under way of one of them goes on for
// its readers and is not kept; a name's next reader waits for its end and has the
// source asked anew. Partials go as well. It tells the bytes that were freed; on an
// error some may be gone and others not.
func (s *Store) Purge(names []string, objects []digest.Digest) (freed int64, err error) {
	var keys []string
	for _, n := range names {
		keys = append(keys, Want{Name: n}.key())
	}
	var canonical []digest.Digest
	for _, d := range objects {
		keys, canonical = append(keys, Want{Digest: d}.key()), append(canonical, s.canonical(d))
	}
	freed, err = s.purgeNames(names, keys)
	for batch := range slices.Chunk(canonical, evictBatch) {
		if err != nil {
			return freed, err
		}
		var n int64
		n, err = s.purgeObjects(batch)
		freed += n
	}
	return freed, err
}

// purgeNames ends what is under way, and forgets the names.
func (s *Store) purgeNames(names, keys []string) (freed int64, err error) {
	s.making.Lock() // no flight is between its look whether it was disowned and its record
	defer s.making.Unlock()
	s.disown(keys)
	if freed, err = s.dropPartials(keys); err != nil {
		return freed, err
	}
	return freed, s.unname(names)
}

// purgeObjects removes a batch: commits need not wait for all of a purge.
func (s *Store) purgeObjects(batch []digest.Digest) (int64, error) {
	s.making.Lock() // no object is between its file and its record
	defer s.making.Unlock()
	went, err := s.remove(s.claim(batch), Purged)
	return went.Bytes, err
}

// errDisowned reports an object that was purged while it was fetched.
var errDisowned = errors.New("purged while it was fetched")

func (f *flight) isDisowned() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.disowned
}

// placeOwned is place, unless the object was purged meanwhile.
func (s *Store) placeOwned(marked, name string, sm sums, w Want, meta Meta, disowned func() bool) error {
	s.making.RLock()
	defer s.making.RUnlock()
	if disowned != nil && disowned() {
		return errDisowned
	}
	return s.place(marked, name, sm, w, meta)
}

// disown has the flights of keys end without keeping what they bring.
func (s *Store) disown(keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if f, ok := s.flights[key]; ok {
			f.mu.Lock()
			f.disowned = true
			f.mu.Unlock()
		}
	}
}

// claim marks objects for removal, also those that are being read.
func (s *Store) claim(objects []digest.Digest) (marked []digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range objects {
		if _, going := s.evicting[d]; !going {
			s.evicting[d] = make(chan struct{})
			marked = append(marked, d)
		}
	}
	return marked
}

// dropPartials removes what parked downloads of keys have.
func (s *Store) dropPartials(keys []string) (freed int64, err error) {
	for _, key := range keys {
		name := partialName(key)
		h, ok := s.space.takeParked(name)
		if !ok {
			continue
		}
		s.removeQuietly(s.partialPath(name))
		err := s.dropPart(name)
		s.space.release(h)
		if err != nil {
			return freed, err
		}
		freed += h.written
	}
	return freed, nil
}

// unname forgets entries; what they led to stays.
func (s *Store) unname(names []string) error {
	if len(names) == 0 {
		return nil
	}
	defer s.names.drop(names...)
	return s.db.Update(func(tx *bolt.Tx) error {
		entries := tx.Bucket(bucketEntries)
		for _, name := range names {
			var e Entry
			if getJSON(entries, []byte(name), &e) {
				if err := strike(tx, rawKey(e.Digest), name); err != nil {
					return err
				}
			}
			if err := entries.Delete([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Known reports whether there is anything of what w names, by its digest or else
// by its name: an object, a download under way, or what one left.
func (s *Store) Known(w Want) bool {
	d := w.Digest
	if d == "" {
		e, _ := s.Entry(w.Name)
		d = e.Digest
	}
	if d != "" && s.Has(d) {
		return true
	}
	s.mu.Lock()
	_, flying := s.flights[w.key()]
	s.mu.Unlock()
	return flying || s.space.isParked(partialName(w.key()))
}

// Underway lists the names, of those that begin with prefix, for which there is a
// download that nobody vouches for.
func (s *Store) Underway(prefix string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flights {
		if f.want.Digest == "" && strings.HasPrefix(f.want.Name, prefix) {
			names = append(names, f.want.Name)
		}
	}
	return names
}

// Stored is what is kept of an object that is stored.
type Stored struct {
	Digest   digest.Digest // SHA-256
	Size     int64         // bytes
	Accessed int64         // unix milliseconds, exact to ten minutes
	Names    []string      // the entries that lead to it
}

// Stat tells of a stored object without opening it, ErrNotStored where it is missing.
func (s *Store) Stat(d digest.Digest) (Stored, error) {
	o, err := s.lookup(d)
	if err != nil {
		return Stored{}, err
	}
	st := Stored{Digest: o.digest, Size: o.Size}
	defer s.looked()
	err = s.db.View(func(tx *bolt.Tx) error {
		var rec record // the hot list's names and times are of when it was read
		if !getJSON(tx.Bucket(bucketObjects), rawKey(o.digest), &rec) {
			return ErrNotStored
		}
		st.Accessed, st.Names = rec.Accessed, rec.Names
		return nil
	})
	if errors.Is(err, ErrNotStored) {
		return Stored{}, err
	}
	return st, err
}
