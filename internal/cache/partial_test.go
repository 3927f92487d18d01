package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// cutAt has a flight of w end at off, and leaves what it has as a partial.
func cutAt(t *testing.T, s *Store, src *fakeSource, w Want, off int64) {
	t.Helper()
	src.cut, src.times = off, 1
	c, err := s.Get(t.Context(), w)
	if err == nil {
		_, err = io.ReadAll(c)
		c.Close()
	}
	if !errors.Is(err, errCut) {
		t.Fatalf("%v, expected the cut", err)
	}
	settled(t, s)
}

func inverted(b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ 0xff
	}
	return out
}

// TestVoidPartialStaysVoid: a partial of one version whose file another version
// wrote into is never taken for the first version's again.
func TestVoidPartialStaysVoid(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	one, meta := src.data, src.meta
	cutAt(t, s, src, src.want("a"), 3<<20)
	src.data, src.meta, src.noSize = inverted(one), Meta{}, true // nothing of it can be resumed
	cutAt(t, s, src, src.want("a"), 1<<20)
	src.data, src.meta, src.noSize = one, meta, false
	readAll(t, get(t, s, src.want("a")), one)
}

// TestVoidPartialIsVoidAtOnce: also where the process dies before the second
// version is noted.
func TestVoidPartialIsVoidAtOnce(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	cutAt(t, s, src, src.want("a"), 3<<20)
	src.data, src.meta, src.gate = inverted(src.data), Meta{ETag: `"v2"`}, make(chan struct{})
	c := get(t, s, src.want("a"))
	defer c.Close()
	defer close(src.gate)
	if p, noted := s.part(partialName("name:a")); noted {
		t.Errorf("the record still claims %d bytes", p.Have.Len())
	}
}

// TestPartialWithoutItsFile: a record whose file is gone or short claims nothing.
func TestPartialWithoutItsFile(t *testing.T) {
	for _, vouched := range []bool{false, true} {
		s := open(t, Options{})
		src := newFake(t, 4<<20)
		w := src.want("a")
		if vouched {
			w = src.vouched()
		}
		cutAt(t, s, src, w, 3<<20)
		if err := os.Remove(s.partialPath(partialName(w.key()))); err != nil {
			t.Fatal(err)
		}
		c := get(t, s, w)
		buf := make([]byte, 1000)
		if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, src.data[:1000]) {
			t.Errorf("vouched %v: wrong bytes at the beginning, %v", vouched, err)
		}
		readAll(t, c, src.data[1000:])
		settled(t, s)
		if !s.Has(digest.Of(src.data)) {
			t.Errorf("vouched %v: not stored", vouched)
		}
	}
}

// TestPartialBeingEvicted: a flight that begins while its partial is evicted
// waits for that, and is stored.
func TestPartialBeingEvicted(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	w := src.vouched()
	cutAt(t, s, src, w, 3<<20)
	s.space.evictor.Lock()
	name, h, ok := s.space.anyParked(lack{})
	if !ok {
		t.Fatal("nothing is parked")
	}
	done := make(chan []byte)
	go func() {
		defer close(done)
		c, err := s.Get(t.Context(), w)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		data, _ := io.ReadAll(c)
		done <- data
	}()
	time.Sleep(20 * time.Millisecond) // the flight would go on with the file that goes
	s.removeQuietly(s.partialPath(name))
	if err := s.dropPart(name); err != nil {
		t.Fatal(err)
	}
	s.space.release(h)
	s.space.evictor.Unlock()
	if data := <-done; !bytes.Equal(data, src.data) {
		t.Errorf("%d bytes that are not those expected", len(data))
	}
	settled(t, s)
	if st := s.Stats(); !s.Has(w.Digest) || st.Reserved != 0 {
		t.Errorf("stored %v, %+v", s.Has(w.Digest), st)
	}
}

// TestPartialOfABrokenCommit: a crash after the bytes were made read-only leaves
// a partial that goes on, whoever the process runs as.
func TestPartialOfABrokenCommit(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	src := newFake(t, 4<<20)
	w := src.vouched()
	cutAt(t, s, src, w, 3<<20)
	path := s.partialPath(partialName(w.key()))
	if err := errors.Join(s.Close(), os.Chmod(path, 0o440)); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	src.gate = make(chan struct{})
	c := get(t, s, w)
	if info, err := os.Stat(path); err != nil || info.Mode()&0o200 == 0 {
		t.Errorf("the partial cannot be written: %v, %v", info.Mode(), err)
	}
	close(src.gate)
	readAll(t, c, src.data)
}

// TestWholePartialIsNotFresh: what nobody vouches for is not served from an old
// partial without a word to upstream.
func TestWholePartialIsNotFresh(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	cutAt(t, s, src, src.want("a"), 1<<20-1)
	name := partialName("name:a")
	p, _ := s.part(name)
	p.Have.Add(0, p.Size)
	if err := os.Truncate(s.partialPath(name), p.Size); err != nil {
		t.Fatal(err)
	}
	f := &flight{s: s, name: name, want: src.want("a")}
	if f.fits(p) {
		t.Error("a whole partial that nobody vouches for is taken")
	}
	f.want = src.vouched()
	if !f.fits(p) {
		t.Error("a whole partial with a digest is not taken")
	}
}

// versions answers each Open with the next version, whatever is held.
type versions struct {
	*fakeSource
	mu   sync.Mutex
	data [][]byte // guarded by mu
	meta []Meta   // guarded by mu
}

func (v *versions) Open(ctx context.Context, off int64, held Meta) (*Incoming, error) {
	v.mu.Lock()
	v.fakeSource.mu.Lock()
	if len(v.data) > 0 {
		v.fakeSource.data, v.data = v.data[0], v.data[1:]
		v.fakeSource.meta, v.meta = v.meta[0], v.meta[1:]
	}
	v.fakeSource.mu.Unlock()
	v.mu.Unlock()
	return v.fakeSource.Open(ctx, off, held)
}

// TestNoSpliceWithinAFlight: the rest comes first and the beginning after it, of
// another version: with a validator it breaks off, without one all is of one.
func TestNoSpliceWithinAFlight(t *testing.T) {
	for _, meta := range [][]Meta{{{ETag: `"v1"`}, {ETag: `"v2"`}, {ETag: `"v2"`}}, {{}, {}, {}}} {
		s := open(t, Options{})
		src := newFake(t, 2<<20)
		one, two := src.data, inverted(src.data)
		w := src.want("a")
		w.From = 1 << 20
		w.Source = &versions{fakeSource: src, data: [][]byte{one, two, two}, meta: meta}
		var got []byte
		c, err := s.Get(t.Context(), w)
		if err == nil { // else it broke off before there was anything to read
			got, err = io.ReadAll(c)
			c.Close()
		}
		if err == nil && !bytes.Equal(got, one) && !bytes.Equal(got, two) {
			t.Errorf("%v: two versions in one", meta)
		}
		settled(t, s)
		if e, ok := s.Entry("a"); ok && e.Digest != digest.Of(one) && e.Digest != digest.Of(two) {
			t.Errorf("%v: two versions in one object", meta)
		}
	}
}

// TestNoSpliceUnstored: nor where the store has no room.
func TestNoSpliceUnstored(t *testing.T) {
	for _, meta := range [][]Meta{{{ETag: `"v1"`}, {ETag: `"v1"`}, {ETag: `"v2"`}}, {{}, {}, {}}} {
		s := open(t, Options{MaxSize: 1})
		src := newFake(t, 1<<20)
		one, two := src.data, inverted(src.data)
		w := src.want("a")
		w.Source = &versions{fakeSource: src, data: [][]byte{one, one, two}, meta: meta}
		c := get(t, s, w)
		first := make([]byte, 1000)
		if _, err := io.ReadFull(c, first); err != nil {
			t.Fatal(err)
		}
		c.Seek(500_000, io.SeekStart)
		rest, err := io.ReadAll(c)
		c.Close()
		if err == nil && !bytes.Equal(rest, one[500_000:]) {
			t.Errorf("%v: the rest is of another version than the beginning", meta)
		}
	}
}
