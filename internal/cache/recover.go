package cache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
)

// recover settles what a crash left half done. It looks at partial/ and trash/
// only, which are small, and touches only files that are named as ours are.
func (s *Store) recover() error {
	return errors.Join(s.recoverTrash(), s.recoverCommits(), s.recoverParts())
}

// recoverTrash ends evictions: where the record is gone the file goes too, else
// it goes back.
func (s *Store) recoverTrash() error {
	names, err := os.ReadDir(filepath.Join(s.dir, "trash"))
	for _, n := range names {
		d, derr := digest.New(digest.SHA256, n.Name())
		switch {
		case derr != nil:
		case s.Has(d):
			err = errors.Join(err, os.Rename(s.trashPath(d), s.blobPath(d)))
		default:
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, "trash", n.Name())))
		}
	}
	return err
}

// recoverCommits ends commits, which show as partials whose name tells a digest:
// where the record was not written the object was not made, and its file in
// blobs/ goes. The bytes stay as a partial where one was noted.
func (s *Store) recoverCommits() error {
	names, err := os.ReadDir(filepath.Join(s.dir, "partial"))
	for _, n := range names {
		name, sum, marked := strings.Cut(n.Name(), ".")
		if !marked || !isPartialName(name) {
			continue
		}
		path := s.partialPath(n.Name())
		d, derr := digest.New(digest.SHA256, sum)
		if derr == nil && !s.Has(d) {
			if rerr := durable.Remove(s.blobPath(d)); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
				continue // without the mark it would never be found again
			}
			if _, noted := s.part(name); noted {
				err = errors.Join(err, os.Rename(path, s.partialPath(name)))
				continue
			}
		}
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// recoverParts matches partial files with their records. A file without one
// cannot be resumed, and a record without its file, or too old, is void.
func (s *Store) recoverParts() error {
	parts := make(map[string]part)
	var void []string
	err := s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketParts)
		return b.ForEach(func(k, _ []byte) error {
			var p part
			info, err := os.Stat(s.partialPath(string(k)))
			if !getJSON(b, k, &p) || err != nil || info.Size() < p.Have.End() || s.now().Sub(p.Time) > partMaxAge {
				void = append(void, string(k))
			} else {
				parts[string(k)] = p
			}
			return nil
		})
	})
	for _, name := range void {
		err = errors.Join(err, s.dropPart(name))
	}
	names, rerr := os.ReadDir(filepath.Join(s.dir, "partial"))
	err = errors.Join(err, rerr)
	for _, n := range names {
		p, noted := parts[n.Name()]
		if !noted && !isPartialName(n.Name()) {
			continue
		}
		if !noted {
			err = errors.Join(err, os.Remove(s.partialPath(n.Name())))
			continue
		}
		h := hold{account: p.Account, reserved: p.Size, written: p.Have.Len()}
		s.space.add(h)
		s.space.park(n.Name(), h)
	}
	return err
}
