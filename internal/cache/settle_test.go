package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// metaDB is a good database's bytes, after fn.
func metaDB(t *testing.T, fn func(tx *bolt.Tx) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(db.Update(format), db.Update(fn), db.Close())
	}
	data, rerr := os.ReadFile(path)
	if err = errors.Join(err, rerr); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestBadMeta: a meta.db that cannot be used is told from one that can, on one line,
// and nothing is changed.
func TestBadMeta(t *testing.T) {
	good := metaDB(t, func(*bolt.Tx) error { return nil })
	for name, c := range map[string]struct {
		data []byte
		want error
		word string
	}{
		"empty":         {nil, ErrDamaged, "0 bytes"},
		"one page":      {good[:4096], ErrDamaged, "4096 bytes"},
		"cut short":     {good[:3*4096], ErrDamaged, "12288 bytes, expected"},
		"no database":   {bytes.Repeat([]byte("SQLite format 3\x00"), 4096), ErrDamaged, "invalid database"},
		"two bad metas": {append(bytes.Repeat([]byte{0xff}, 8192), good[8192:]...), ErrDamaged, "invalid database"},
		"a bad page": {func() []byte { // every one but the metas
			bad := bytes.Clone(good)
			for at := 8192; at < len(bad); at += 4096 {
				copy(bad[at:], bytes.Repeat([]byte{0x55}, 64))
			}
			return bad
		}(), ErrDamaged, "damaged"},
		"of a later format": {metaDB(t, func(tx *bolt.Tx) error {
			return tx.Bucket(bucketStats).Put(keyFormat, binary.BigEndian.AppendUint64(nil, formatVersion+1))
		}), ErrMeta, "format 3, this mirrord knows up to 2"},
		"another program's": {metaDB(t, func(tx *bolt.Tx) error {
			_, err := tx.CreateBucket([]byte("v1"))
			return errors.Join(err, tx.DeleteBucket(bucketStats))
		}), ErrMeta, "another program's"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "meta.db")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(Options{Dir: dir, Rebuild: true})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.word) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, expected %v and %q", err, c.want, c.word)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, c.data) {
				t.Error("meta.db was changed")
			}
			if names, _ := os.ReadDir(dir); len(names) != 1 {
				t.Errorf("now in the directory: %v", names)
			}
		})
	}
}

// TestLostMeta: without meta.db nothing is served in place of what is there, and a
// repair takes the objects back, but for those that are rotten.
func TestLostMeta(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	whole, rotten := newFake(t, 100_000), newFake(t, 100_001)
	for _, src := range []*fakeSource{whole, rotten} {
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
	}
	bad := s.blobPath(rotten.vouched().Digest)
	if err := errors.Join(s.Close(), os.Remove(filepath.Join(dir, "meta.db")), os.Chmod(bad, 0o600), os.WriteFile(bad, []byte("rot"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrLost) {
		t.Fatalf("%v, expected ErrLost", err)
	}
	s = open(t, Options{Dir: dir, Rebuild: true})
	rep, err := s.Fsck(t.Context(), true)
	if err != nil || len(rep.Problems) != 2 || rep.Repaired != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	for _, src := range []*fakeSource{whole, rotten} {
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
	}
	if n := len(whole.requests()); n != 1 {
		t.Errorf("upstream was asked %d times for what is there", n)
	}
	if n := len(rotten.requests()); n != 2 {
		t.Errorf("upstream was asked %d times for what was rotten, expected 2", n)
	}
	if st := s.Stats(); st.Objects != 2 || st.Bytes != 200_001 {
		t.Errorf("counted: %+v", st)
	}
}

// TestDamagedMetaIsFound: whichever page of meta.db is garbage, a start refuses it or
// fsck finds it, and nothing is repaired on its word.
func TestDamagedMetaIsFound(t *testing.T) {
	good := metaDB(t, func(tx *bolt.Tx) error {
		for i := range 2000 { // so many that there are branch pages
			if err := (Tx{root: tx.Bucket(bucketTables)}).Put("t", fmt.Append(nil, 10_000+i), bytes.Repeat([]byte{'v'}, 30)); err != nil {
				return err
			}
		}
		return nil
	})
	refused, found, free := 0, 0, 0
	for at := 2 * 4096; at < len(good); at += 4096 {
		bad, dir := bytes.Clone(good), t.TempDir()
		copy(bad[at:], bytes.Repeat([]byte{0x55}, 64))
		if err := os.WriteFile(filepath.Join(dir, "meta.db"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Options{Dir: dir})
		if errors.Is(err, ErrDamaged) {
			refused++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		rep, err := s.Fsck(t.Context(), true)
		switch {
		case errors.Is(err, ErrDamaged) && len(rep.Problems) > 0 && rep.Repaired == 0:
			found++
		case err == nil && len(rep.Problems) == 0:
			free++ // the page, or it was written anew by the start
		default:
			t.Errorf("page %d: %+v, %v", at/4096, rep, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if refused == 0 || found < 10 {
		t.Errorf("%d pages refused, %d found, %d free", refused, found, free)
	}
}
