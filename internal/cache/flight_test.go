package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"mirrord/internal/digest"
)

func TestMissThenHit(t *testing.T) {
	for _, size := range []int{0, 1, 1000, hotBody, hotBody + 1, 3 << 20} {
		s := open(t, Options{})
		src := newFake(t, size)
		for i, how := range []How{Miss, Hit, Hit} {
			c := get(t, s, src.vouched())
			if c.How != how || c.Size != int64(size) || c.Digest != digest.Of(src.data) {
				t.Errorf("size %d, get %d: %v %d %s", size, i, c.How, c.Size, c.Digest)
			}
			readAll(t, c, src.data)
		}
		if got := src.requests(); !slices.Equal(got, []int64{0}) {
			t.Errorf("size %d: upstream was asked for %v, expected once from 0", size, got)
		}
	}
}

func TestManyReadersOneRequest(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	src.rate = 2 * time.Millisecond
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			c, err := s.Get(t.Context(), src.vouched())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, src.data) {
				t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wg.Wait()
	if got := src.requests(); !slices.Equal(got, []int64{0}) {
		t.Errorf("upstream was asked for %v, expected once from 0", got)
	}
}

// TestMiddleReader asks for the middle while the beginning comes slowly: it is
// served long before the beginning is through, and no byte is fetched twice.
func TestMiddleReader(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 8<<20)
	src.rate = 10 * time.Millisecond // 6.4 MB/s a connection
	first := get(t, s, src.vouched())
	c := get(t, s, src.vouched())
	defer c.Close()
	start := time.Now()
	if _, err := c.Seek(6<<20, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, src.data[6<<20:][:1000]) {
		t.Fatalf("the middle: %v", err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("the first byte of the middle took %v", took)
	}
	readAll(t, first, src.data)
	settled(t, s)
	if got := src.requests(); len(got) != 2 || got[1] != 6<<20 {
		t.Errorf("upstream was asked for %v, expected 0 and %d", got, 6<<20)
	}
	if sent := src.bytesSent(); sent > int64(len(src.data))+2*pourBuffer {
		t.Errorf("upstream sent %d bytes of %d", sent, len(src.data))
	}
	readAll(t, get(t, s, src.vouched()), src.data)
}

func TestMiddleWithoutRanges(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 4<<20)
	src.rate, src.noRange = time.Millisecond, true
	w := src.vouched()
	w.From = 3 << 20
	c := get(t, s, w)
	c.Seek(3<<20, io.SeekStart)
	readAll(t, c, src.data[3<<20:])
	readAll(t, get(t, s, src.vouched()), src.data)
}

// TestWrongBytes: whoever reads a bad object to its end is broken off.
func TestWrongBytes(t *testing.T) {
	s := open(t, Options{})
	const size = 8 << 20
	src := newFake(t, size)
	src.corrupt, src.times = 5000, 100
	for _, from := range []int64{0, 1 << 20, size - 1} {
		var got []byte
		c, err := s.Get(t.Context(), src.vouched())
		if err == nil { // else nearly all was there, and it waited for the verdict
			c.Seek(from, io.SeekStart)
			got, err = io.ReadAll(c)
			if c.Err() == nil {
				t.Errorf("from %d: not broken off", from)
			}
			c.Close()
		}
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("from %d: %d bytes, %v; expected ErrMismatch", from, len(got), err)
		}
		if int64(len(got)) == size-from {
			t.Errorf("from %d: all bytes of a bad object went out", from)
		}
		settled(t, s)
	}
	if src.rejected == 0 {
		t.Error("the source was not told that its bytes were wrong")
	}
	if s.Has(digest.Of(src.data)) {
		t.Error("a bad object was stored")
	}
	src.times = 0
	readAll(t, get(t, s, src.vouched()), src.data)
}

// TestWrongBytesUnseen: nobody had any byte, so the flight starts over.
func TestWrongBytesUnseen(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.corrupt, src.times = 5000, 2
	w := src.vouched()
	w.Early = false
	readAll(t, get(t, s, w), src.data)
	if got := src.requests(); !slices.Equal(got, []int64{0, 0, 0}) {
		t.Errorf("upstream was asked for %v, expected three times from 0", got)
	}
}

func TestSizeNotAsVouched(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	w := src.vouched()
	w.Size = 999
	if _, err := s.Get(t.Context(), w); !errors.Is(err, ErrMismatch) {
		t.Errorf("%v, expected ErrMismatch", err)
	}
}

func TestSizeUnknown(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.noSize, src.gate = true, make(chan struct{})
	c := get(t, s, src.want("a"))
	if c.Size != -1 {
		t.Errorf("size %d before the end", c.Size)
	}
	close(src.gate)
	readAll(t, c, src.data)
	settled(t, s)
	e, ok := s.Entry("a")
	if !ok || e.Digest != digest.Of(src.data) || e.ETag != `"v1"` {
		t.Fatalf("entry %+v, %v", e, ok)
	}
	hit, err := s.Object(e.Digest)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, hit, src.data)
}

// TestFillOutlivesClient: the client goes, the fill goes on, or is parked and
// then resumed.
func TestFillOutlivesClient(t *testing.T) {
	for _, park := range []bool{false, true} {
		s := open(t, Options{Park: park})
		src := newFake(t, 8<<20)
		src.rate = time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		c, err := s.Get(ctx, src.vouched())
		if err != nil {
			t.Fatal(err)
		}
		io.ReadFull(c, make([]byte, 1<<20))
		cancel()
		c.Close()
		settled(t, s)
		if s.Has(digest.Of(src.data)) == park {
			t.Errorf("park %v: stored is %v", park, !park)
		}
		readAll(t, get(t, s, src.vouched()), src.data)
		if got := src.requests(); park && (len(got) != 2 || got[1] < 1<<20) || !park && len(got) != 1 {
			t.Errorf("park %v: upstream was asked for %v", park, got)
		}
	}
}

func TestNotModified(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	readAll(t, get(t, s, src.want("a")), src.data)
	settled(t, s)
	e, _ := s.Entry("a")
	w := src.want("a")
	w.Seen, w.Source = e, unchanged{}
	readAll(t, get(t, s, w), src.data)
	settled(t, s)
	if now, _ := s.Entry("a"); !now.Checked.After(e.Checked) {
		t.Error("the entry was not renewed")
	}
	// Who looked before the renewal needs no flight of his own.
	readAll(t, get(t, s, w), src.data)
}

type unchanged struct{}

func (unchanged) Open(context.Context, int64, Meta) (*Incoming, error) { return nil, ErrNotModified }
func (unchanged) Reject(err error) error                               { return err }

func TestPatience(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	slow := &slowSource{src, make(chan struct{})}
	w := src.want("a")
	w.Source, w.Patience = slow, 20*time.Millisecond
	if _, err := s.Get(t.Context(), w); !errors.Is(err, ErrPatience) {
		t.Fatalf("%v, expected ErrPatience", err)
	}
	close(slow.gate)
	settled(t, s)
	if _, ok := s.Entry("a"); !ok {
		t.Error("the flight did not go on")
	}
}

type slowSource struct {
	*fakeSource
	gate chan struct{}
}

func (s *slowSource) Open(ctx context.Context, off int64, held Meta) (*Incoming, error) {
	<-s.gate
	return s.fakeSource.Open(ctx, off, held)
}

func TestTransientIsNotKept(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	w := src.want("t")
	w.Transient = true
	c := get(t, s, w)
	if c.Stored {
		t.Error("it says that it is stored")
	}
	readAll(t, c, src.data)
	settled(t, s)
	if st := s.Stats(); st.Objects != 0 || st.Reserved != 0 {
		t.Errorf("left behind: %+v", st)
	}
}
