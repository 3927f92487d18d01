package cache

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// TestResumeAfterRestart: what was synced before the end of one store is not
// fetched again by the next.
func TestResumeAfterRestart(t *testing.T) {
	for _, vouched := range []bool{true, false} {
		dir := t.TempDir()
		src := newFake(t, 8<<20)
		w := src.vouched()
		if !vouched {
			w = src.want("a")
		}
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		cutAt(t, s, src, w, 5<<20)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir})
		if r := s.Stats().Reserved; r != 8<<20 {
			t.Errorf("the partial reserves %d", r)
		}
		readAll(t, get(t, s, w), src.data)
		settled(t, s)
		if got := src.requests(); !slices.Equal(got, []int64{0, 5 << 20}) {
			t.Errorf("vouched %v: upstream was asked for %v", vouched, got)
		}
		if r := s.Stats().Reserved; r != 0 {
			t.Errorf("%d bytes stay reserved", r)
		}
	}
}

// TestNoSplice: another version upstream makes the partial void.
func TestNoSplice(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	cutAt(t, s, src, src.want("a"), 3<<20)
	src.meta = Meta{ETag: `"v2"`}
	for i := range src.data {
		src.data[i] ^= 0xff
	}
	readAll(t, get(t, s, src.want("a")), src.data)
}

// TestNoRoom: where nothing can be stored clients still get right bytes, and
// wrong ones still break off.
func TestNoRoom(t *testing.T) {
	for _, o := range []Options{{MaxSize: 1 << 20}, {MinFree: 1 << 60}} {
		s := open(t, o)
		src := newFake(t, 2<<20)
		c := get(t, s, src.vouched())
		if c.Stored {
			t.Error("it says that it is stored")
		}
		readAll(t, c, src.data)
		c = get(t, s, src.vouched())
		c.Seek(1<<20, io.SeekStart)
		readAll(t, c, src.data[1<<20:])
		w := src.vouched()
		w.Early = false
		readAll(t, get(t, s, w), src.data)
		readAll(t, get(t, s, src.want("free")), src.data)
		src.corrupt, src.times = 77, 100
		c = get(t, s, src.vouched())
		if _, err := io.ReadAll(c); !errors.Is(err, ErrMismatch) {
			t.Errorf("%v, expected ErrMismatch", err)
		}
		c.Close()
		if st := s.Stats(); st.Reserved != 0 || st.Objects != 0 {
			t.Errorf("left behind: %+v", st)
		}
	}
}

// TestBodyWithoutEnd: what never tells its size does not throw the rest out.
func TestBodyWithoutEnd(t *testing.T) {
	s := open(t, Options{MaxSize: 64 << 20})
	kept := newFake(t, 20<<20)
	readAll(t, get(t, s, kept.vouched()), kept.data)
	src := newFake(t, 50<<20)
	src.noSize = true
	readAll(t, get(t, s, src.want("endless")), src.data)
	settled(t, s)
	if !s.Has(digest.Of(kept.data)) || s.Has(digest.Of(src.data)) {
		t.Error("a body of unknown size took what others had")
	}
}

func TestParkedPartialsMakeRoom(t *testing.T) {
	s := open(t, Options{MaxSize: 3 << 20})
	a, b := newFake(t, 2<<20), newFake(t, 2<<20+1)
	cutAt(t, s, a, a.vouched(), 1<<20)
	readAll(t, get(t, s, b.vouched()), b.data)
	if !s.Has(digest.Of(b.data)) {
		t.Error("a partial kept a whole object out")
	}
}

func TestSecondOwnerIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir})
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("%v, expected ErrInUse", err)
	}
}

func TestLostFileIsAMiss(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 3<<20)
	readAll(t, get(t, s, src.vouched()), src.data)
	settled(t, s)
	s.files.purge() // it is open where the fill was through before it was read
	if err := os.Remove(s.blobPath(digest.Of(src.data))); err != nil {
		t.Fatal(err)
	}
	readAll(t, get(t, s, src.vouched()), src.data)
	if got := src.requests(); len(got) != 2 {
		t.Errorf("upstream was asked for %v", got)
	}
}

// TestForeignDirectoryIsLeftAlone: a slip of the pen after --data costs nothing.
func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"trash/thesis.doc", "partial/dl.iso", "notes"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrForeign) {
		t.Fatalf("%v, expected ErrForeign", err)
	}
	if err := os.Remove(filepath.Join(dir, "notes")); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir}) // the names are ours, what is in them is not
	s.Put("", []byte("x"), Meta{})
	for _, name := range []string{"trash/thesis.doc", "partial/dl.iso"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestFlightsAreBounded: clients that ask and leave do not pile up work.
func TestFlightsAreBounded(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.gate = make(chan struct{})
	defer close(src.gate)
	var held []*Content
	for i := range flightsMost {
		held = append(held, get(t, s, src.want(fmt.Sprint(i))))
	}
	if _, err := s.Get(t.Context(), src.want("one more")); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, expected ErrBusy", err)
	}
	for _, c := range held {
		c.Close()
	}
	for range 1000 {
		if s.Stats().Flights <= abandonedMost {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d flights that nobody waits for", s.Stats().Flights)
}

func TestFsckFindsAndRepairs(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	var ds []digest.Digest
	for i := range 4 {
		src := newFake(t, 100_000+i)
		readAll(t, get(t, s, src.want(fmt.Sprint(i))), src.data)
		settled(t, s)
		ds = append(ds, digest.Of(src.data))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(s.blobPath(ds[0]), 0o600))
	must(os.WriteFile(s.blobPath(ds[0]), []byte("rot"), 0o600))
	must(os.Remove(s.blobPath(ds[1])))
	must(os.WriteFile(filepath.Join(dir, "blobs/sha256/zz"), nil, 0o600))
	stray := digest.Of([]byte("stray"))
	must(os.MkdirAll(filepath.Dir(s.blobPath(stray)), 0o750))
	must(os.WriteFile(s.blobPath(stray), []byte("stray"), 0o600))
	rep, err := s.Fsck(t.Context(), false)
	must(err)
	text := strings.Join(rep.Problems, "\n")
	for _, part := range []string{string(ds[0]), string(ds[1]) + ": the file is missing", "zz: no object's name", stray.Hex() + ": the file has no record"} {
		if !strings.Contains(text, part) {
			t.Errorf("no word of %q in:\n%s", part, text)
		}
	}
	if len(rep.Problems) != 4 {
		t.Errorf("%d problems:\n%s", len(rep.Problems), text)
	}
	rep, err = s.Fsck(t.Context(), true)
	must(err)
	if rep.Repaired < 4 {
		t.Errorf("%d repaired", rep.Repaired)
	}
	if rep, _ = s.Fsck(t.Context(), false); len(rep.Problems) != 0 {
		t.Errorf("after the repair: %q", rep.Problems)
	}
	if _, ok := s.Entry("0"); ok {
		t.Error("an entry leads to a removed object")
	}
	if !s.Has(ds[2]) || !s.Has(ds[3]) {
		t.Error("a sound object was removed")
	}
}

func TestPut(t *testing.T) {
	s := open(t, Options{})
	for range 2 {
		d, err := s.Put("", []byte("root"), Meta{ETag: `"e"`})
		if err != nil || d != digest.Of([]byte("root")) {
			t.Fatal(d, err)
		}
		c, err := s.Object(d)
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, c, []byte("root"))
	}
	if st := s.Stats(); st.Objects != 1 || st.Reserved != 0 {
		t.Errorf("%+v", st)
	}
}

func TestSHA512IsFoundAgain(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 100)
	h := digest.Digest("sha512:x").NewHash()
	h.Write(src.data)
	w := src.vouched()
	w.Digest = digest.FromSum(digest.SHA512, h.Sum(nil))
	for range 2 {
		readAll(t, get(t, s, w), src.data)
		settled(t, s)
	}
	if got := src.requests(); len(got) != 1 {
		t.Errorf("upstream was asked for %v", got)
	}
}
