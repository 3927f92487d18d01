// Command fill makes a data directory with many entries, as fast as can be: it
// writes meta.db as internal/cache's db.go and object.go describe it, without a
// million downloads. It is a program of its own because the race detector, under
// which tests run, makes a minute of its seconds.
//
//	fill DIRECTORY ENTRIES FILES FIRST
//
// So many of the entries, evenly spread, have a file, and so many at the beginning;
// the digests of the others are made up. Entry n with a file holds Body(n), those at
// the beginning what follows.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"mirrord/internal/cache"
	"mirrord/test/memory/stored"

	bolt "go.etcd.io/bbolt"
)

// batch bounds one transaction.
const batch = 50_000

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: fill DIRECTORY ENTRIES FILES FIRST")
	}
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(os.Args[2+i]); err != nil {
			log.Fatal(err)
		}
	}
	if err := fill(filled{os.Args[1], stored.Entries{All: n[0], Files: n[1], First: n[2]}}); err != nil {
		log.Fatal(err)
	}
}

type filled struct {
	dir string
	stored.Entries
}

func fill(f filled) error {
	if err := openAndClose(f.dir); err != nil {
		return err
	}
	if err := f.write(); err != nil {
		return err
	}
	return openAndClose(f.dir)
}

// openAndClose has the store itself make what fill leaves out: the order of eviction
// and the accounts, as for a directory of an earlier format.
func openAndClose(dir string) error {
	store, err := cache.Open(cache.Options{Dir: dir})
	if err != nil {
		return err
	}
	return store.Close()
}

func (f filled) write() error {
	db, err := bolt.Open(filepath.Join(f.dir, "meta.db"), 0o600, &bolt.Options{NoSync: true, NoFreelistSync: true, NoGrowSync: true, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return err
	}
	defer db.Close()
	now := time.Now().UTC()
	for first := 0; first < f.All; first += batch {
		err := db.Update(func(tx *bolt.Tx) error {
			for i := first; i < min(first+batch, f.All); i++ {
				if err := f.put(tx, i, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return db.Update(func(tx *bolt.Tx) error {
		stats := tx.Bucket([]byte("stats"))
		if err := stats.Put([]byte("format"), binary.BigEndian.AppendUint64(nil, 1)); err != nil {
			return err
		}
		if err := stats.Put([]byte("objects"), binary.BigEndian.AppendUint64(nil, uint64(f.All))); err != nil {
			return err
		}
		return stats.Put([]byte("bytes"), binary.BigEndian.AppendUint64(nil, uint64(f.All*stored.Size)))
	})
}

// put writes the i-th entry, its object and, where it has one, its file.
func (f filled) put(tx *bolt.Tx, i int, now time.Time) error {
	// Made-up digests come in order too: written so a bucket fills quickest.
	sum := sha256.Sum256(nil)
	binary.BigEndian.PutUint64(sum[:], uint64(i)*(^uint64(0)/uint64(f.All)))
	step := f.All / f.Files
	var data []byte
	switch {
	case i%step == 0 && i/step < f.Files:
		data = stored.Body(i / step)
	case i < f.First:
		data = stored.Body(f.Files + i)
	}
	if data != nil {
		sum = sha256.Sum256(data)
		dir := filepath.Join(f.dir, "blobs", "sha256", fmt.Sprintf("%x", sum[:1]))
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%x", sum)), data, 0o440); err != nil {
			return err
		}
	}
	const meta = `"l":"Tue, 02 Jan 2024 03:04:05 GMT","e":"\"0123456789abcdef\"","c":"application/octet-stream"`
	entry, accessed := "r/"+stored.Name(i), now.UnixMilli()-int64(f.All-i)
	record := fmt.Appendf(nil, `{"s":%d,"a":%d,"n":[%q],%s}`, stored.Size, accessed, entry, meta)
	if err := tx.Bucket([]byte("objects")).Put(sum[:], record); err != nil {
		return err
	}
	value := fmt.Appendf(nil, `{"d":"sha256:%x","t":%q,%s}`, sum, now.Format(time.RFC3339Nano), meta)
	return tx.Bucket([]byte("entries")).Put([]byte(entry), value)
}
