package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pageSize = 4096

// damages are what disks and stray writes make of a page.
var damages = map[string]func(page []byte){
	"zeros": func(p []byte) { clear(p) },
	"ones":  func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, len(p))) },
	"noise": func(p []byte) { _, _ = rand.NewChaCha8([32]byte{1}).Read(p) },
	"half":  func(p []byte) { clear(p[len(p)/2:]) },
	// Behind the number of the page, which bbolt looks at: kind, count, and the places of
	// keys. A wrong count of the pages that follow it believes.
	"kind":     func(p []byte) { binary.LittleEndian.PutUint16(p[8:], 0x7777) },
	"count":    func(p []byte) { binary.LittleEndian.PutUint16(p[10:], 0xffff) },
	"elements": func(p []byte) { _, _ = rand.NewChaCha8([32]byte{2}).Read(p[16:256]) },
}

// TestDamagedPages: whichever page of meta.db is garbage, of whatever kind, nothing
// panics, nobody gets wrong bytes, and who meets it is told once.
func TestDamagedPages(t *testing.T) {
	origin := t.TempDir()
	s, err := Open(Options{Dir: origin})
	if err != nil {
		t.Fatal(err)
	}
	src := newFake(t, 20_000)
	readAll(t, get(t, s, src.want("kept")), src.data)
	settled(t, s)
	for i := range 200 { // so that there are branch pages
		if _, err := s.Put("r", fmt.Append(nil, "object ", i), Meta{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Propose(fmt.Sprintf("r/%d", i), Entry{Digest: src.vouched().Digest}); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Update(func(tx Tx) error {
		for i := range 1000 {
			if err := tx.Put("t", fmt.Append(nil, 10_000+i), bytes.Repeat([]byte{'v'}, 30)); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(origin, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for at := 2 * pageSize; at < len(good); at += pageSize {
		for name, spoil := range damages {
			bad := bytes.Clone(good)
			spoil(bad[at : at+pageSize])
			meta := filepath.Join(origin, "meta.db")
			_ = os.Remove(meta) // a broken one stays locked until its process ends
			if err := os.WriteFile(meta, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			told += useDamaged(t, origin, src, fmt.Sprintf("page %d, %s", at/pageSize, name))
		}
	}
	if told < 50 {
		t.Errorf("%d stores said that they are damaged, expected more", told)
	}
}

// useDamaged does with a store what clients and background work do.
func useDamaged(t *testing.T, dir string, src *fakeSource, what string) (told int) {
	t.Helper()
	s, err := Open(Options{Dir: dir, Damaged: func(err error) {
		if told++; !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: told of %v", what, err)
		}
	}})
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: refused with %q, expected one line", what, err)
		}
		return 0
	}
	defer s.Close() // which says that it is damaged, or else nothing
	for _, w := range []Want{src.want("kept"), src.vouched()} {
		c, err := s.Get(t.Context(), w)
		if err != nil {
			continue
		}
		if got, err := io.ReadAll(c); err == nil && !bytes.Equal(got, src.data) {
			t.Errorf("%s: wrong bytes", what)
		}
		c.Close()
	}
	_ = s.View(func(tx Tx) error { return tx.Each("t", func(_, _ []byte) error { return nil }) })
	_ = s.Update(func(tx Tx) error { return tx.Put("t", []byte("more"), bytes.Repeat([]byte{'w'}, 3000)) })
	_, _ = s.Put("r", []byte("another"), Meta{})
	_ = s.Expire("r/7")
	_, _ = s.Pins()
	_, _ = s.ObjectsAfter("", 1000)
	_, _ = s.Purge([]string{"r/8"}, nil)
	s.Touch(src.vouched().Digest)
	_, _ = s.Collect(t.Context(), Collection{})
	_ = s.flushTouched()
	if told > 1 {
		t.Errorf("%s: told %d times", what, told)
	}
	return told
}
