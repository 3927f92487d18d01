package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"time"

	"mirrord/internal/extent"

	bolt "go.etcd.io/bbolt"
)

// part is what meta.db knows of a partial file: enough to go on after a restart.
// It never claims bytes that were not synced before.
type part struct {
	Size int64      `json:"s"`
	Have extent.Set `json:"h"`
	// Given tells of a digest's object who gave what of Have.
	Given ledger    `json:"g,omitempty"`
	Time  time.Time `json:"t"`
	// Account pays for what is reserved.
	Account string `json:"r,omitempty"`
	Meta
}

// partMaxAge is how long a partial that nobody asks for is kept: apt and people
// come back within days.
const partMaxAge = 7 * 24 * time.Hour

// partialName names the flight's file: the same for the same object.
func partialName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// putPrefix begins the names of Put's files, which are never resumed.
const putPrefix = "put-"

// isPartialName reports a name that partialName or Put makes.
func isPartialName(name string) bool {
	raw, err := hex.DecodeString(name)
	return err == nil && len(raw) == sha256.Size/2 || strings.HasPrefix(name, putPrefix)
}

func (s *Store) part(name string) (p part, ok bool) {
	err := s.db.View(func(tx *bolt.Tx) error {
		ok = getJSON(tx.Bucket(bucketParts), []byte(name), &p)
		return nil
	})
	return p, ok && err == nil
}

func (s *Store) dropPart(name string) error {
	return s.db.Batch(func(tx *bolt.Tx) error { return tx.Bucket(bucketParts).Delete([]byte(name)) })
}

// reopenPartial opens a partial's file; nil where it has not all that was noted.
func (s *Store) reopenPartial(name string, p part) *os.File {
	path := s.partialPath(name)
	os.Chmod(path, 0o640) // a crash in a commit leaves it read-only; Open tells
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Size() < p.Have.End() {
		file.Close()
		return nil
	}
	return file
}
