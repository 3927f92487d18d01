package cache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Report is what Fsck found.
type Report struct {
	Objects  int64
	Bytes    int64
	Partials int
	Problems []string // one line each, with what was expected
	Repaired int
}

// Fsck re-hashes every object and holds every record against what is on disk.
// With repair it removes what is wrong: it is fetched again when asked for. A right
// file without a record gets one.
// Nothing may be served meanwhile.
func (s *Store) Fsck(ctx context.Context, repair bool) (Report, error) {
	c := &checker{s: s, ctx: ctx, repair: repair}
	if err := c.database(); err != nil {
		return c.Report, err
	}
	err := errors.Join(c.objects(), c.blobs(), c.index(), c.pins(), c.partials())
	if err == nil && repair {
		err = errors.Join(s.db.Update(c.recountPins), rebuildOrder(s.db), s.db.Update(c.recount))
	}
	return c.Report, err
}

type checker struct {
	Report
	s      *Store
	ctx    context.Context
	repair bool
	count  int64 // objects with a record
	sum    int64 // bytes of their records
}

// problem notes one, and mends it where that is wanted.
func (c *checker) problem(mend func() error, format string, args ...any) error {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
	if !c.repair || mend == nil {
		return nil
	}
	c.Repaired++
	return mend()
}

// later mends nothing: recount will.
func (c *checker) later() error { return nil }

// structureMost bounds what is told of a meta.db that is not in order.
const structureMost = 100

// database checks meta.db's own structure. Where that is broken nothing else can be
// relied on.
func (c *checker) database() error {
	return c.s.db.View(func(tx *bolt.Tx) error {
		for problem := range tx.Check() {
			c.Problems = append(c.Problems, "meta.db: "+problem.Error())
			if len(c.Problems) == structureMost {
				// Of one bad page there can be 2^31. What still looks for them never
				// ends, so this must be the last word of the database.
				return fmt.Errorf("%w (%w)", ErrDamaged, &pageError{"many pages are not in order"})
			}
		}
		if len(c.Problems) > 0 {
			return ErrDamaged
		}
		return nil
	})
}

// keys copies a bucket's keys, so that no transaction is open while files are
// read.
func (c *checker) keys(bucket []byte) (keys [][]byte, err error) {
	err = c.s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, _ []byte) error {
			keys = append(keys, append([]byte(nil), k...))
			return nil
		})
	})
	return keys, err
}

// objects goes from the records to the files.
func (c *checker) objects() error {
	keys, err := c.keys(bucketObjects)
	for _, raw := range keys {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if len(raw) != sha256.Size {
			err = errors.Join(err, c.problem(func() error { return c.delete(bucketObjects, raw) }, "a record's key is %d bytes, expected %d", len(raw), sha256.Size))
			continue
		}
		err = errors.Join(err, c.object(raw))
	}
	return err
}

func (c *checker) object(raw []byte) error {
	d := digestOfKey(raw)
	o, err := c.s.lookup(d)
	if err != nil {
		return c.problem(func() error { return c.delete(bucketObjects, raw) }, "%s: the record cannot be read", d)
	}
	c.tally(o.Size, +1)
	drop := func() error {
		c.tally(o.Size, -1)
		return c.s.lose(d)
	}
	f, err := os.Open(c.s.blobPath(d))
	if errors.Is(err, fs.ErrNotExist) {
		return c.problem(drop, "%s: the file is missing", d)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got, n, err := sumOf(f)
	if err != nil {
		return c.problem(drop, "%s: the file cannot be read: %v", d, errors.Unwrap(err))
	}
	c.Objects++
	c.Bytes += n
	if got != d || n != o.Size {
		return c.problem(drop, "%s: the file holds %s in %d bytes, expected %d bytes", d, got, n, o.Size)
	}
	return nil
}

// sumOf hashes all of a file.
func sumOf(f *os.File) (digest.Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, f)
	return digest.FromSum(digest.SHA256, h.Sum(nil)), n, err
}

// tally counts an object, or one that was dropped off again.
func (c *checker) tally(size, n int64) {
	c.count += n
	c.sum += n * size
}

// blobs goes from the files to the records.
func (c *checker) blobs() error {
	root := filepath.Join(c.s.dir, "blobs")
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, _ := filepath.Rel(root, path)
		d, derr := digest.New(digest.SHA256, e.Name())
		if derr != nil || path != c.s.blobPath(d) {
			return c.problem(func() error { return os.Remove(path) }, "%s: no object's name", name)
		}
		if !c.s.Has(d) {
			return c.problem(func() error { return c.adopt(d, path) }, "%s: the file has no record", name)
		}
		return nil
	})
}

// index checks entries, access times and counters.
func (c *checker) index() error {
	return c.s.db.View(func(tx *bolt.Tx) error {
		objects := tx.Bucket(bucketObjects)
		stats := tx.Bucket(bucketStats)
		if n, b := counter(stats, keyObjects), counter(stats, keyBytes); n != c.count || b != c.sum {
			c.problem(c.later, "the counters say %d objects of %d bytes, expected %d of %d", n, b, c.count, c.sum)
		}
		err := c.order(tx)
		return errors.Join(err, tx.Bucket(bucketEntries).ForEach(func(k, _ []byte) error {
			var e Entry
			if !getJSON(tx.Bucket(bucketEntries), k, &e) || objects.Get(rawKey(e.Digest)) == nil {
				c.problem(c.later, "entry %q leads to no object", k)
			}
			return nil
		}))
	})
}

// partials checks that every record has its file; recovery saw to the rest.
func (c *checker) partials() error {
	keys, err := c.keys(bucketParts)
	c.Partials = len(keys)
	for _, k := range keys {
		p, _ := c.s.part(string(k))
		info, serr := os.Stat(c.s.partialPath(string(k)))
		if serr != nil || info.Size() < p.Have.End() {
			err = errors.Join(err, c.problem(func() error { return c.delete(bucketParts, k) }, "partial %s: its file has not the bytes that were noted", k))
		}
	}
	return err
}

func (c *checker) delete(bucket, key []byte) error {
	return c.s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Delete(key) })
}

// recount makes entries and counters anew from the records.
func (c *checker) recount(tx *bolt.Tx) error {
	objects, entries := tx.Bucket(bucketObjects), tx.Bucket(bucketEntries)
	var count, sum int64
	err := objects.ForEach(func(raw, _ []byte) error {
		var rec record
		getJSON(objects, raw, &rec)
		count, sum = count+1, sum+rec.Size
		return nil
	})
	var dead [][]byte
	err = errors.Join(err, entries.ForEach(func(k, _ []byte) error {
		var e Entry
		if !getJSON(entries, k, &e) || objects.Get(rawKey(e.Digest)) == nil {
			dead = append(dead, append([]byte(nil), k...))
		}
		return nil
	}))
	for _, k := range dead {
		err = errors.Join(err, entries.Delete(k))
	}
	stats := tx.Bucket(bucketStats)
	return errors.Join(err,
		addCounter(tx, keyObjects, count-counter(stats, keyObjects)),
		addCounter(tx, keyBytes, sum-counter(stats, keyBytes)))
}
