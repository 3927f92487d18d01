package cache

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"mirrord/internal/digest"
)

func purge(t *testing.T, s *Store, names []string, objects ...digest.Digest) int64 {
	t.Helper()
	freed, err := s.Purge(names, objects)
	if err != nil {
		t.Fatal(err)
	}
	return freed
}

func TestPurge(t *testing.T) {
	s := open(t, Options{})
	named, vouched := newFake(t, 1<<20), newFake(t, 2<<20)
	readAll(t, get(t, s, named.want("a")), named.data)
	readAll(t, get(t, s, vouched.vouched()), vouched.data)
	settled(t, s)
	e, _ := s.Entry("a")
	if freed := purge(t, s, []string{"a"}, e.Digest, digest.Of(vouched.data), digest.Of([]byte("never stored"))); freed != 3<<20 {
		t.Errorf("%d bytes freed, expected 3 MiB", freed)
	}
	if _, ok := s.Entry("a"); ok || s.Stats().Objects != 0 || s.Stats().Bytes != 0 {
		t.Errorf("after the purge there are an entry (%v) and %+v", ok, s.Stats())
	}
	readAll(t, get(t, s, named.want("a")), named.data)
	readAll(t, get(t, s, vouched.vouched()), vouched.data)
	for _, src := range []*fakeSource{named, vouched} {
		if got := src.requests(); !slices.Equal(got, []int64{0, 0}) {
			t.Errorf("the source was asked for %v, expected twice from 0", got)
		}
	}
}

// TestPurgeName: the name goes, and the object that others lead to stays.
func TestPurgeName(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	readAll(t, get(t, s, src.want("a")), src.data)
	settled(t, s)
	if err := s.Name("b", Entry{Digest: digest.Of(src.data)}); err != nil {
		t.Fatal(err)
	}
	if freed := purge(t, s, []string{"a"}); freed != 0 {
		t.Errorf("%d bytes freed, expected none", freed)
	}
	st, err := s.Stat(digest.Of(src.data))
	if _, ok := s.Entry("a"); ok || err != nil || !slices.Equal(st.Names, []string{"b"}) {
		t.Errorf("the entry is there: %v; the object is %+v, %v; expected it under b only", ok, st, err)
	}
}

// TestPurgeWhileRead: who reads reads on, and the next one has it fetched anew.
func TestPurgeWhileRead(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	readAll(t, get(t, s, src.vouched()), src.data)
	settled(t, s)
	c := get(t, s, src.vouched())
	half := make([]byte, 512<<10)
	if _, err := io.ReadFull(c, half); err != nil {
		t.Fatal(err)
	}
	purge(t, s, nil, digest.Of(src.data))
	if s.Has(digest.Of(src.data)) {
		t.Error("it is still stored")
	}
	readAll(t, get(t, s, src.vouched()), src.data)
	rest, err := io.ReadAll(c)
	c.Close()
	if err != nil || !bytes.Equal(append(half, rest...), src.data) {
		t.Errorf("the reader got %d bytes, %v", len(half)+len(rest), err)
	}
	settled(t, s)
	readAll(t, get(t, s, src.vouched()), src.data)
	if got := src.requests(); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("the source was asked for %v, expected twice from 0", got)
	}
}

// TestPurgeInFlight: the download ends for its reader, is not kept, and who asks
// for the name afterwards gets what the source has then.
func TestPurgeInFlight(t *testing.T) {
	for _, vouched := range []bool{true, false} {
		s := open(t, Options{})
		src := newFake(t, 1<<20)
		src.gate = make(chan struct{}, 100)
		w := src.vouched()
		if !vouched {
			w = src.want("a")
		}
		c := get(t, s, w)
		if !s.Known(w) {
			t.Fatalf("vouched %v: a download under way is not known", vouched)
		}
		if vouched {
			purge(t, s, nil, w.Digest)
		} else {
			purge(t, s, []string{"a"})
		}
		old := src.data
		if !vouched {
			src.mu.Lock()
			src.data = inverted(old)
			src.mu.Unlock()
		}
		next := make(chan *Content)
		go func() { next <- get(t, s, w) }()
		time.Sleep(20 * time.Millisecond) // the second is on its way, whichever that is
		close(src.gate)
		readAll(t, c, old)
		readAll(t, <-next, src.data)
		settled(t, s)
		if stored := s.Has(digest.Of(old)); stored {
			t.Errorf("vouched %v: what was purged is stored", vouched)
		}
		if !vouched && !s.Has(digest.Of(src.data)) {
			t.Error("what was asked for afterwards is not stored")
		}
	}
}

// TestPurgePartial: what a download left goes, on disk and in the budget.
func TestPurgePartial(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	w := src.vouched()
	cutAt(t, s, src, w, 3<<20)
	if !s.Known(w) {
		t.Fatal("the partial is not known")
	}
	if freed := purge(t, s, nil, digest.Of(src.data)); freed == 0 || s.Known(w) || s.Stats().Reserved != 0 {
		t.Errorf("%d bytes freed, known %v, %d reserved", freed, s.Known(w), s.Stats().Reserved)
	}
	readAll(t, get(t, s, src.vouched()), src.data)
	if got := src.requests(); !slices.Equal(got, []int64{0, 0}) {
		t.Errorf("the source was asked for %v, expected twice from 0", got)
	}
}

func TestStat(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.Stat(digest.Of(nil)); !errors.Is(err, ErrNotStored) {
		t.Errorf("Stat = %v, expected ErrNotStored", err)
	}
}

// TestPurgeStorm: purges at any moment of many downloads leave nothing wrong behind:
// every reader gets its bytes, and the store is whole.
func TestPurgeStorm(t *testing.T) {
	s := open(t, Options{})
	srcs := make([]*fakeSource, 8)
	for i := range srcs {
		srcs[i] = newFake(t, 100<<10+i)
	}
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		for {
			for i, src := range srcs {
				if _, err := s.Purge([]string{string(rune('a' + i))}, []digest.Digest{digest.Of(src.data)}); err != nil {
					done <- err
					return
				}
			}
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
		}
	}()
	for range 40 {
		for i, src := range srcs {
			w := src.vouched()
			if i%2 == 0 {
				w = src.want(string(rune('a' + i)))
			}
			readAll(t, get(t, s, w), src.data)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	settled(t, s)
}
