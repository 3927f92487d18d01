package cache

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/durable"

	bolt "go.etcd.io/bbolt"
)

// sums are the hashes of a whole object.
type sums struct {
	object   digest.Digest // SHA-256: its name in the store
	vouched  digest.Digest // by the algorithm of Want.Digest
	size     int64
	streamed bool // the end was proved
}

// follow hashes the contiguous prefix as it grows, until the object is whole.
func (f *flight) follow() (sums, error) {
	main := sha256.New()
	other := hash.Hash(nil)
	if d := f.want.Digest; d != "" && d.Algorithm() != digest.SHA256 {
		other = d.NewHash()
	}
	buf := make([]byte, 64<<10)
	last, lastAt := int64(0), time.Now()
	for pos := int64(0); ; {
		f.mu.Lock()
		upto, size, err, wake := f.have.Upto(pos), f.size, f.err, f.wake
		framed := f.framed
		f.mu.Unlock()
		switch {
		case upto > pos:
			n, rerr := f.file.ReadAt(buf[:min(int64(len(buf)), upto-pos)], pos)
			if rerr != nil {
				return sums{}, fmt.Errorf("%w: %w", errUnstored, rerr)
			}
			main.Write(buf[:n])
			if other != nil {
				other.Write(buf[:n])
			}
			pos += int64(n)
		case size >= 0 && pos >= size:
			return f.sums(main, other, size, framed), nil
		case err != nil:
			return sums{}, err
		default:
			select {
			case <-wake:
			case <-f.ctx.Done():
				return sums{}, f.interrupted()
			}
		}
		if pos-last >= checkpointBytes || pos > last && time.Since(lastAt) > checkpointEvery {
			if err := f.checkpoint(); err != nil {
				return sums{}, fmt.Errorf("%w: %w", errUnstored, err)
			}
			last, lastAt = pos, time.Now()
		}
	}
}

// interrupted says why the flight's context ended.
func (f *flight) interrupted() error {
	if f.s.ctx.Err() != nil {
		return errClosed
	}
	if err := f.failure(); err != nil {
		return err
	}
	return f.ctx.Err()
}

func (f *flight) sums(main, other hash.Hash, size int64, framed bool) sums {
	sm := sums{object: digest.FromSum(digest.SHA256, main.Sum(nil)), size: size, streamed: framed}
	sm.vouched = sm.object
	if other != nil {
		sm.vouched = digest.FromSum(f.want.Digest.Algorithm(), other.Sum(nil))
	}
	return sm
}

// conclude judges a whole object, commits it and lets the last byte go.
func (f *flight) conclude(sm sums) error {
	if want := f.want.Digest; want != "" && sm.vouched != want {
		reason := fmt.Errorf("%w: the digest is %v, expected %v", ErrMismatch, sm.vouched, want)
		if f.wasServed() {
			f.s.mislead(want)
		}
		if f.doubtful() {
			return &doubt{reason}
		}
		f.discardPartial()
		return f.want.Source.Reject(reason)
	}
	if at, ok := f.s.misled.Peek(f.want.Digest); ok { // from now on it has this name too
		f.s.misled.Add(sm.object, at)
	}
	stored := f.keep(sm)
	f.mu.Lock()
	f.object, f.whole = stored, true
	f.broadcast()
	f.mu.Unlock()
	return nil
}

// keep makes the flight's bytes an object, where they are to be kept, and tells its
// digest, "" where there is none. That they cannot be stored is no failure: readers
// have them from the open file.
func (f *flight) keep(sm sums) digest.Digest {
	if f.want.Transient || !sm.streamed && f.want.Digest == "" {
		return ""
	}
	f.mu.Lock()
	meta := f.meta
	f.mu.Unlock()
	err := f.s.commit(f.file, f.name, sm, f.want, meta, f.isDisowned)
	switch {
	case errors.Is(err, errDisowned):
		return ""
	case err != nil:
		f.s.log.Error("an object is served but cannot be stored", "object", string(sm.object), "err", err)
		f.ending = EndUnstored
		return ""
	}
	return sm.object
}

// commit makes the finished partial an object. The order is what a crash at any
// point is survived by: a name in partial/ that tells the digest, and the bytes; the
// name in blobs/; the records; and only then the partial's name goes. Each is on
// disk before the next is begun. It fails with errDisowned where disowned tells that
// the object was purged meanwhile; nil = it cannot be.
func (s *Store) commit(file *os.File, name string, sm sums, w Want, meta Meta, disowned func() bool) error {
	d := sm.object
	if err := seal(file, sm.size); err != nil {
		return err
	}
	for !s.acquire(d) { // no eviction may take the object while it is made
		s.awaitEviction(d)
	}
	defer s.release(d)
	marked := s.partialPath(name + "." + d.Hex())
	if err := os.Rename(s.partialPath(name), marked); err != nil {
		return err
	}
	err := errors.Join(file.Sync(), durable.SyncDir(filepath.Dir(marked)))
	if err == nil {
		err = s.placeOwned(marked, name, sm, w, meta, disowned)
	}
	if err == nil || errors.Is(err, errDisowned) || s.withdraw(d) {
		s.removeQuietly(marked)
	}
	return err
}

// place gives a marked partial its name in blobs/ and writes its records.
func (s *Store) place(marked, name string, sm sums, w Want, meta Meta) error {
	blob := s.blobPath(sm.object)
	if err := durable.MkdirAll(filepath.Dir(blob), 0o750); err != nil {
		return err
	}
	if err := durable.Link(marked, blob); err != nil {
		return err
	}
	return s.record(name, sm, w, meta)
}

// withdraw takes the file away of an object that could not be committed. Where that
// fails, or the record shows all the same, the mark must stay until the next start: a
// transaction that failed as it was synced may be on disk or not.
func (s *Store) withdraw(d digest.Digest) (settled bool) {
	if s.Has(d) {
		return false
	}
	err := durable.Remove(s.blobPath(d))
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

// objectMode is that of objects: nobody writes them.
const objectMode = 0o440

// seal makes a finished partial what it is to stay.
func seal(file *os.File, size int64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > size { // a resumed one may have been meant for something longer
		if err := file.Truncate(size); err != nil {
			return err
		}
	}
	return file.Chmod(objectMode)
}

// record writes all that meta.db says of a new object, in one transaction.
func (s *Store) record(part string, sm sums, w Want, meta Meta) error {
	now := s.now()
	checked := now
	if w.Unconfirmed {
		checked = time.Time{}
	}
	var names []string
	if w.Name != "" {
		names = append(names, w.Name)
	}
	if sm.vouched != sm.object {
		names = append(names, string(sm.vouched)) // found again by the index's own digest
	}
	dropped := slices.Clone(names)
	defer func() { s.names.drop(dropped...) }()
	return s.db.Batch(func(tx *bolt.Tx) error {
		dropped = dropped[:len(names)]
		rec := record{Size: sm.size, Accessed: now.UnixMilli(), Account: w.Account, Meta: meta}
		gone, err := putObject(tx, sm.object, rec, names...)
		dropped = append(dropped, gone...)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := moveEntry(tx, name, Entry{Digest: sm.object, Checked: checked, Meta: meta}); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketParts).Delete([]byte(part))
	})
}

// moveEntry points name at e, and strikes it from the object it led to before.
func moveEntry(tx *bolt.Tx, name string, e Entry) error {
	entries := tx.Bucket(bucketEntries)
	var before Entry
	if getJSON(entries, []byte(name), &before) {
		e = e.after(before)
		if before.Digest != e.Digest {
			if err := strike(tx, rawKey(before.Digest), name); err != nil {
				return err
			}
		}
	}
	return putJSON(entries, []byte(name), e)
}

// strike takes a name from an object that it leads to no more. One to which no name
// leads then is superseded.
func strike(tx *bolt.Tx, raw []byte, name string) error {
	var rec record
	if !getJSON(tx.Bucket(bucketObjects), raw, &rec) {
		return nil
	}
	after := rec
	after.Names = slices.DeleteFunc(slices.Clone(rec.Names), func(n string) bool { return n == name })
	after.Superseded = rec.Superseded || len(after.entries()) == 0
	return replace(tx, raw, rec, after)
}

// putOver is up to which size Put does not wait for the budget: all of it may be
// reserved by what is being filled.
const putOver = 1 << 20

// Put stores bytes that the caller has checked, and tells their digest.
func (s *Store) Put(account string, data []byte, meta Meta) (digest.Digest, error) {
	d := digest.Of(data)
	if s.Has(d) {
		return d, nil
	}
	h := hold{account: account, reserved: int64(len(data))}
	if err := s.space.reserve(account, h.reserved); err != nil {
		if len(data) > putOver {
			return d, err
		}
		h = hold{}
	}
	defer s.space.release(h)
	file, err := os.CreateTemp(filepath.Join(s.dir, "partial"), putPrefix+"*")
	if err != nil {
		return d, err
	}
	defer file.Close()
	name := filepath.Base(file.Name())
	if _, err := file.ReadFrom(bytes.NewReader(data)); err != nil {
		s.removeQuietly(file.Name())
		return d, err
	}
	sm := sums{object: d, vouched: d, size: int64(len(data)), streamed: true}
	if err := s.commit(file, name, sm, Want{Account: account}, meta, nil); err != nil {
		s.removeQuietly(file.Name())
		return d, err
	}
	return d, nil
}
