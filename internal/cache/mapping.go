package cache

import bolt "go.etcd.io/bbolt"

// unmapEvery is after how many look-ups in meta.db its pages are taken off the
// resident set. A look-up touches about six, and for each Linux maps the sixteen
// around it that are in the page cache: at most 100 MiB between two times, where a
// database of a million objects has 500.
const unmapEvery = 256

// looked counts a look-up in meta.db.
func (s *Store) looked() {
	if s.looks.Add(1)%unmapEvery != 0 {
		return
	}
	err := s.db.View(func(tx *bolt.Tx) error { // which keeps the mapping in its place
		return unmap(tx.DB().Info().Data, tx.Size())
	})
	if err != nil {
		s.log.Warn("cannot take meta.db off the resident set", "err", err)
	}
}
