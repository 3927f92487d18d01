package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// ErrRotten reports an object whose file does not hold what its name says. It is
// removed by then.
var ErrRotten = errors.New("the stored bytes were not right")

// Verify reads a stored object again: nil where its bytes are right, ErrRotten where
// they were not, ErrNotStored where there is none. pace is called with the bytes that
// were read, at most 128 KiB, and its error ends the reading; nil = at full speed.
func (s *Store) Verify(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) error {
	o, err := s.lookup(d)
	if err != nil {
		return err
	}
	if !s.acquire(o.digest) {
		return ErrNotStored
	}
	got, n, err := s.rehash(ctx, o.digest, pace)
	s.release(o.digest)
	if errors.Is(err, fs.ErrNotExist) && !s.keeps(o.digest) {
		return ErrNotStored // it was purged before its file was open
	}
	if err == nil && (got != o.digest || n != o.Size) {
		err = fmt.Errorf("%w: the file holds %s in %d bytes, expected %s in %d", ErrRotten, got, n, o.digest, o.Size)
	}
	if !errors.Is(err, ErrRotten) {
		return err
	}
	if _, perr := s.Purge(nil, []digest.Digest{o.digest}); perr != nil {
		return errors.Join(err, perr)
	}
	return err
}

// keeps reports that an object has a record, and is not about to lose it.
func (s *Store) keeps(d digest.Digest) bool {
	s.making.RLock() // no purge is between the file and its record
	defer s.making.RUnlock()
	return s.Has(d)
}

// verifyBuffer is the size of one read of Verify.
const verifyBuffer = 128 << 10

// rehash reads an object's file to its end.
func (s *Store) rehash(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) (got digest.Digest, n int64, err error) {
	f, err := os.Open(s.blobPath(d))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: the file is missing: %w", ErrRotten, fs.ErrNotExist)
	}
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h, buf := sha256.New(), make([]byte, verifyBuffer)
	for {
		k, err := f.Read(buf)
		h.Write(buf[:k])
		n += int64(k)
		if pace != nil && k > 0 {
			if err := pace(ctx, k); err != nil {
				return "", n, err
			}
		}
		if errors.Is(err, io.EOF) {
			return digest.FromSum(digest.SHA256, h.Sum(nil)), n, nil
		}
		if err != nil {
			return "", n, fmt.Errorf("%w: the file cannot be read: %w", ErrRotten, errors.Unwrap(err))
		}
		if err := ctx.Err(); err != nil {
			return "", n, err
		}
	}
}

// ObjectsAfter lists at most n stored objects in the order of their digests, from
// the one behind after on, "" for the first.
func (s *Store) ObjectsAfter(after digest.Digest, n int) (list []digest.Digest, err error) {
	defer s.looked()
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketObjects).Cursor()
		for k, _ := c.Seek(rawKey(after)); k != nil && len(list) < n; k, _ = c.Next() {
			if d := digestOfKey(k); d != after {
				list = append(list, d)
			}
		}
		return nil
	})
	return list, err
}
