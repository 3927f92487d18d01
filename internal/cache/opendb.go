package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// formatVersion is that of meta.db; a database of a later one is refused. Before 2
// objects stood in the order of their last use, and nobody paid for them.
const formatVersion = 2

// ErrInUse reports that another process owns the data directory.
var ErrInUse = errors.New("in use by another mirrord")

// ErrMeta reports a meta.db that cannot be used. Nothing was changed.
var ErrMeta = errors.New("meta.db cannot be used")

// ErrDamaged is an ErrMeta that only a new meta.db helps with.
var ErrDamaged = fmt.Errorf("%w: it is damaged; moved away, mirrord fsck --repair makes a new one and takes the objects back", ErrMeta)

func dbPath(dir string) string { return filepath.Join(dir, "meta.db") }

// openDB opens the data directory's database, which is made where there is none.
func openDB(dir string) (db *bolt.DB, err error) {
	path := dbPath(dir)
	if _, serr := os.Stat(path); errors.Is(serr, fs.ErrNotExist) {
		err = makeDB(dir, path)
	}
	if err == nil {
		err = readable(func() error { db, err = boltOpen(path, false); return err })
	}
	if err != nil {
		return nil, err
	}
	if err := readable(func() error { return settleFormat(db) }); err != nil {
		db.Close()
		return nil, fmt.Errorf("meta.db: %w", err)
	}
	return db, nil
}

// pageError is what was met in place of a page.
type pageError struct{ met any }

func (e *pageError) Error() string { return fmt.Sprint(e.met) }

// readable runs fn; what bbolt says of a page that is none is a panic, or it reads
// where there is no memory.
func readable(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			slog.Debug("meta.db", "met", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w (%w)", ErrDamaged, &pageError{p})
		}
	}()
	return fn()
}

func boltOpen(path string, readOnly bool) (*bolt.DB, error) {
	// A free list kept as a map and synced makes opening instant at any size.
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, ReadOnly: readOnly})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("meta.db: %w", err)
	}
	return db, nil
}

// makeDB makes the database under another name and gives it its own when it is
// whole: bbolt cannot read what a first start that was cut short leaves. The other
// name is one that recovery removes.
func makeDB(dir, path string) error {
	file, err := os.CreateTemp(filepath.Join(dir, "partial"), putPrefix+"*")
	if err != nil {
		return fmt.Errorf("meta.db: %w", err)
	}
	defer os.Remove(file.Name())
	file.Close()
	db, err := boltOpen(file.Name(), false)
	if err != nil {
		return err
	}
	if err = errors.Join(db.Update(format), db.Close()); err == nil {
		err = durable.Link(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("meta.db: %w", err)
	}
	return nil
}

// format makes the buckets that are missing, and of a new database what it is.
func format(tx *bolt.Tx) error {
	for _, b := range buckets {
		if _, err := tx.CreateBucketIfNotExists(b); err != nil {
			return err
		}
	}
	if tx.Bucket(bucketStats).Get(keyFormat) != nil {
		return nil
	}
	return setFormat(tx)
}

func setFormat(tx *bolt.Tx) error {
	return tx.Bucket(bucketStats).Put(keyFormat, binary.BigEndian.AppendUint64(nil, formatVersion))
}

// settleFormat brings a database to the format of now. Cut short, it begins anew.
func settleFormat(db *bolt.DB) error {
	version := int64(0)
	err := db.Update(func(tx *bolt.Tx) error {
		err := format(tx)
		version = counter(tx.Bucket(bucketStats), keyFormat)
		return err
	})
	if err != nil || version == formatVersion {
		return err
	}
	if err := rebuildOrder(db); err != nil {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket([]byte("access")); err != nil && !errors.Is(err, berrors.ErrBucketNotFound) {
			return err
		}
		return setFormat(tx)
	})
}

// checkDB refuses a database that is not whole, not ours or of a later format, before
// anything is changed.
func checkDB(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() < 2*int64(os.Getpagesize()) { // of an empty one bbolt would make a new one
		return fmt.Errorf("%w (it has %d bytes)", ErrDamaged, info.Size())
	}
	db, err := boltOpen(path, true) // which reads no page but the first two
	switch {
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch), errors.Is(err, berrors.ErrChecksum):
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	case err != nil:
		return err
	}
	defer db.Close()
	return readable(func() error {
		return db.View(func(tx *bolt.Tx) error { return checkFormat(tx, info.Size()) })
	})
}

func checkFormat(tx *bolt.Tx, size int64) error {
	// Behind the end of the file even a look ends the process.
	if size < tx.Size() {
		return fmt.Errorf("%w (it has %d bytes, expected %d at least)", ErrDamaged, size, tx.Size())
	}
	stats := tx.Bucket(bucketStats)
	if stats == nil || stats.Get(keyFormat) == nil {
		return fmt.Errorf("%w: it is another program's", ErrMeta)
	}
	if v := counter(stats, keyFormat); v > formatVersion {
		return fmt.Errorf("%w: it is of format %d, this mirrord knows up to %d", ErrMeta, v, formatVersion)
	}
	return nil
}
