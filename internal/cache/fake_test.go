package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"mirrord/internal/digest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeSource serves data as a well-behaved upstream would, logs every Open, and
// holds the flight to its contract. Its faults are set before use.
type fakeSource struct {
	t    *testing.T
	data []byte
	meta Meta

	rate    time.Duration // pause before each 64 KiB
	noRange bool          // answers from 0 whatever is asked
	noSize  bool          // does not tell the size
	corrupt int64         // offset of a byte to flip in the next `times` answers, -1 none
	cut     int64         // ends with an error there in the next `times` answers, -1 none
	times   int
	gate    chan struct{} // where set, answers wait for it

	mu       sync.Mutex
	opens    []int64 // guarded by mu
	rejected int     // guarded by mu
	sent     int64
}

func newFake(t *testing.T, size int) *fakeSource {
	data := make([]byte, size)
	rng := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)})
	rng.Read(data)
	return &fakeSource{t: t, data: data, meta: Meta{ETag: `"v1"`, LastModified: "Mon, 02 Jan 2006 15:04:05 GMT"}, corrupt: -1, cut: -1}
}

func (s *fakeSource) want(name string) Want {
	return Want{Name: name, Size: -1, Early: true, Source: s}
}

func (s *fakeSource) vouched() Want {
	return Want{Digest: digest.Of(s.data), Size: int64(len(s.data)), Early: true, Source: s}
}

func (s *fakeSource) Open(ctx context.Context, off int64, held Meta) (*Incoming, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens = append(s.opens, off)
	if s.noRange || held != (Meta{}) && held.ETag != s.meta.ETag {
		off = 0
	}
	if off > int64(len(s.data)) {
		return nil, errors.New("416")
	}
	in := &Incoming{Off: off, Size: int64(len(s.data)), Framed: true, Meta: s.meta}
	if s.noSize {
		in.Size = -1
	}
	b := &fakeBody{s: s, ctx: ctx, data: s.data[off:], off: off, corrupt: -1, cut: -1}
	if s.times > 0 {
		s.times--
		b.corrupt, b.cut = s.corrupt, s.cut
	}
	in.Body = b
	return in, nil
}

func (s *fakeSource) Reject(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected++
	return err
}

// ignore has answers begin at 0 from now on.
func (s *fakeSource) ignore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noRange = true
}

func (s *fakeSource) requests() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int64(nil), s.opens...)
}

func (s *fakeSource) bytesSent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

var errCut = errors.New("connection reset")

type fakeBody struct {
	s            *fakeSource
	ctx          context.Context
	data         []byte
	off          int64
	corrupt, cut int64
}

func (b *fakeBody) Read(p []byte) (int, error) {
	if b.s.gate != nil {
		select {
		case <-b.s.gate:
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	if b.s.rate > 0 {
		select {
		case <-time.After(b.s.rate):
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 64<<10)], b.data)
	if b.cut >= 0 && b.off+int64(n) > b.cut {
		if n = int(b.cut - b.off); n <= 0 {
			return 0, errCut
		}
	}
	if b.corrupt >= b.off && b.corrupt < b.off+int64(n) {
		p[b.corrupt-b.off] ^= 1
	}
	b.data, b.off = b.data[n:], b.off+int64(n)
	b.s.mu.Lock()
	b.s.sent += int64(n)
	b.s.mu.Unlock()
	return n, nil
}

func (b *fakeBody) Close() error { return nil }

// open opens a store that is closed, and found clean, at the end of the test.
func open(t *testing.T, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		clean(t, o.Dir)
	})
	return s
}

// clean fails the test where fsck finds anything.
func clean(t *testing.T, dir string) {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rep, err := s.Fsck(context.Background(), false)
	if err != nil || len(rep.Problems) > 0 {
		t.Errorf("fsck: %v, %q", err, rep.Problems)
	}
}

func get(t *testing.T, s *Store, w Want) *Content {
	t.Helper()
	c, err := s.Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readAll reads and closes, and fails where the bytes are not want.
func readAll(t *testing.T, c *Content, want []byte) {
	t.Helper()
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes that are not the %d expected", len(got), len(want))
	}
}

// settled waits until no flight is under way.
func settled(t *testing.T, s *Store) {
	t.Helper()
	for range 1000 {
		if s.Stats().Flights == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("a flight does not end")
}
