package cache

import (
	"errors"
	"os"
	"path/filepath"

	"mirrord/internal/digest"
	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
)

// adopt makes an object of a file that has no record, and takes it away where it
// does not hold what its name tells.
func (c *checker) adopt(d digest.Digest, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	got, n, err := sumOf(f)
	if err != nil || got != d {
		return os.Remove(path)
	}
	if err := errors.Join(f.Sync(), durable.SyncDir(filepath.Dir(path))); err != nil {
		return err
	}
	rec := record{Size: n, Accessed: c.s.now().UnixMilli()}
	c.tally(rec.Size, +1)
	return c.s.db.Update(func(tx *bolt.Tx) error {
		_, err := putObject(tx, d, rec)
		return err
	})
}
