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
)

// fakeParts is a well-behaved source of several origins, each of which may take
// one lane, the lead may take any. It holds the flight to its contract.
type fakeParts struct {
	*fakeSource
	origins []string

	// Faults, set before use.
	liar   string         // flips the byte at lie in every answer that has it
	lie    int64          //
	broken map[string]int // answers of an origin that end early
	whole  bool           // ignores ranges
	cutAt  int64          // where in a part broken answers end
	lag    string         // an origin that takes 2 ms a read more
	trial  func()         // called once, when a trial has begun

	pmu    sync.Mutex // guards all below
	busy   map[string]int
	parts  []sent
	avoid  string
	guilty []string
}

// sent is one answer.
type sent struct {
	off, end int64
	from     string
}

func newParts(t *testing.T, size int, origins ...string) *fakeParts {
	return &fakeParts{fakeSource: newFake(t, size), origins: origins, busy: map[string]int{}, broken: map[string]int{}, cutAt: 1 << 20}
}

func (s *fakeParts) want() Want {
	w := s.vouched()
	w.Source = s
	return w
}

func (s *fakeParts) Lanes(int64) int { return len(s.origins) }

func (s *fakeParts) Avoid(who string) {
	s.pmu.Lock()
	defer s.pmu.Unlock()
	s.avoid = who
	if s.trial != nil {
		s.trial()
		s.trial = nil
	}
}

func (s *fakeParts) RejectFrom(who string, reason error) error {
	s.pmu.Lock()
	defer s.pmu.Unlock()
	s.guilty = append(s.guilty, who)
	return reason
}

func (s *fakeParts) OpenPart(ctx context.Context, off, end int64, spare bool) (*Incoming, error) {
	if off < 0 || end <= off || end > int64(len(s.data)) || end-off > partSize {
		s.t.Errorf("a part from %d to %d", off, end)
	}
	if s.whole {
		if off > 0 || spare {
			return nil, ErrNoParts
		}
		in, err := s.Open(ctx, 0, Meta{})
		in.End = int64(len(s.data))
		return in, err
	}
	s.pmu.Lock()
	defer s.pmu.Unlock()
	from := ""
	for _, o := range s.origins {
		if o != s.avoid && (from == "" || s.busy[o] < s.busy[from]) {
			from = o
		}
	}
	if spare && s.busy[from] > 0 {
		return nil, ErrNoLane
	}
	s.busy[from]++
	s.parts = append(s.parts, sent{off, end, from})
	b := &fakeBody{s: s.fakeSource, ctx: ctx, data: s.data[off:end], off: off, corrupt: -1, cut: -1}
	if from == s.liar {
		b.corrupt = s.lie
	}
	if s.broken[from] > 0 {
		s.broken[from]--
		b.cut = off + s.cutAt
	}
	return &Incoming{Body: &partBody{fakeBody: b, s: s, from: from}, Off: off, End: end, Size: int64(len(s.data)), Framed: true, Meta: s.meta}, nil
}

// asked are the parts that were given so far.
func (s *fakeParts) asked() []sent {
	s.pmu.Lock()
	defer s.pmu.Unlock()
	return slices.Clone(s.parts)
}

type partBody struct {
	*fakeBody
	s    *fakeParts
	from string
	once sync.Once
}

func (b *partBody) Read(p []byte) (int, error) {
	if b.from == b.s.lag {
		time.Sleep(2 * time.Millisecond)
	}
	return b.fakeBody.Read(p)
}

func (b *partBody) Origin() string { return b.from }

func (b *partBody) Close() error {
	b.once.Do(func() {
		b.s.pmu.Lock()
		defer b.s.pmu.Unlock()
		b.s.busy[b.from]--
	})
	return nil
}

// TestParts: each byte comes once, in order, from all origins, and a reader at the
// front is served meanwhile.
func TestParts(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 34<<20+1234, "a", "b", "c")
	src.rate = 2 * time.Millisecond
	readAll(t, get(t, s, src.want()), src.data)
	settled(t, s)
	parts := src.asked()
	by := map[string]int{}
	for _, p := range parts {
		by[p.from]++
	}
	if len(parts) != 9 || by["a"] == 0 || by["b"] == 0 || by["c"] == 0 {
		t.Errorf("%v", parts)
	}
	if !slices.IsSortedFunc(parts[3:], func(a, b sent) int { return int(a.off - b.off) }) {
		t.Errorf("not in order: %v", parts)
	}
	if n := src.bytesSent(); n != int64(len(src.data)) {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
	if len(src.requests()) != 0 || src.rejected != 0 {
		t.Error("asked for the whole too, or rejected")
	}
}

// TestPartsOfOne: one origin, or no digest, is fetched as ever.
func TestPartsOfOne(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a")
	readAll(t, get(t, s, src.want()), src.data)
	free := newParts(t, 20<<20+1, "a", "b")
	w := free.fakeSource.want("name")
	w.Source = free
	readAll(t, get(t, s, w), free.data)
	if len(src.asked())+len(free.asked()) != 0 {
		t.Errorf("%v %v", src.asked(), free.asked())
	}
}

func TestPartsWithoutRanges(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a", "b")
	src.whole = true
	readAll(t, get(t, s, src.want()), src.data)
	if n := src.bytesSent(); n != int64(len(src.data)) || len(src.requests()) != 1 {
		t.Errorf("%d bytes were sent over %v", n, src.requests())
	}
}

// TestPartsMiddleReader: who reads far ahead of all lanes does not wait for them.
func TestPartsMiddleReader(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 64<<20, "a", "b")
	src.rate = 5 * time.Millisecond // 13 MB/s a lane
	first := get(t, s, src.want())
	c := get(t, s, src.want())
	start := time.Now()
	c.Seek(50<<20, io.SeekStart)
	buf := make([]byte, 1000)
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, src.data[50<<20:][:1000]) {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
	c.Close()
	readAll(t, first, src.data)
	settled(t, s)
	if n := src.bytesSent(); n > int64(len(src.data))+4*pourBuffer {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
}

// TestPartsFail: a lane that fails, and the lead that does, cost nobody anything
// as long as somebody brings what they did not.
func TestPartsFail(t *testing.T) {
	for name, broken := range map[string]map[string]int{
		"a lane": {"b": 100}, "the lead": {"a": 1}, "all but one": {"a": 1, "b": 100}, "each once": {"a": 1, "b": 1, "c": 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			src := newParts(t, 40<<20, "a", "b", "c")
			src.rate, src.broken = time.Millisecond, broken
			c := get(t, s, src.want())
			defer c.Close()
			got, err := io.ReadAll(c)
			if name == "each once" && errors.Is(err, errCut) {
				return // the last one left was the lead: there is nobody to go on
			}
			if err != nil || !bytes.Equal(got, src.data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if n := src.bytesSent(); n != int64(len(src.data)) {
				t.Errorf("%d bytes of %d were sent", n, len(src.data))
			}
		})
	}
}

// TestTheLastLaneFails: all the rest is there and nobody else under way.
func TestTheLastLaneFails(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 2*partSize, "a", "b")
	src.lag, src.broken = "b", map[string]int{"b": 1}
	src.rate = 100 * time.Microsecond
	src.cutAt = partSize - 64<<10
	readAll(t, get(t, s, src.want()), src.data)
	if parts := src.asked(); len(parts) != 3 || parts[2].off != 2*partSize-64<<10 {
		t.Errorf("%v", parts)
	}
}

// TestPartsResume: what an earlier flight left is not fetched again.
func TestPartsResume(t *testing.T) {
	dir := t.TempDir()
	src := newParts(t, 40<<20, "a", "b")
	src.rate = 2 * time.Millisecond
	s, err := Open(Options{Dir: dir, Park: true})
	if err != nil {
		t.Fatal(err)
	}
	c := get(t, s, src.want())
	io.CopyN(io.Discard, c, 10<<20)
	c.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	readAll(t, get(t, s, src.want()), src.data)
	if n := src.bytesSent(); n > int64(len(src.data))+8*pourBuffer {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
}

// TestTheLiarIsFound: one origin gives a wrong byte. It is named, it alone; who
// has not had that byte gets the object, and who has is broken off and gets it
// the next time without another request.
func TestTheLiarIsFound(t *testing.T) {
	for _, liar := range []string{"a", "b", "c"} {
		t.Run(liar, func(t *testing.T) {
			s := open(t, Options{})
			src := newParts(t, 26<<20, "a", "b", "c")
			src.rate, src.liar = time.Millisecond, liar
			// Wherever it is asked: b's and c's first parts are the second and third.
			src.lie = map[string]int64{"a": 100, "b": partSize + 100, "c": 2*partSize + 100}[liar]
			w := src.want()
			hasty := get(t, s, w)
			late := get(t, s, w)
			late.Seek(25<<20, io.SeekStart)
			var wg sync.WaitGroup
			slow := get(t, s, w)
			slow.Seek(src.lie-src.lie%partSize, io.SeekStart)
			src.trial = func() { // it reads on while it is open what is right
				wg.Go(func() {
					defer slow.Close()
					if got, err := io.ReadAll(slow); err != nil || !bytes.Equal(got, src.data[src.lie-src.lie%partSize:]) {
						t.Errorf("who read in the trial: %d bytes, %v", len(got), err)
					}
				})
				time.Sleep(100 * time.Millisecond)
			}
			wg.Go(func() {
				defer late.Close()
				if got, err := io.ReadAll(late); err != nil || !bytes.Equal(got, src.data[25<<20:]) {
					t.Errorf("who did not have the byte: %d bytes, %v", len(got), err)
				}
			})
			got, err := io.ReadAll(hasty)
			hasty.Close()
			readAll(t, get(t, s, w), src.data) // as a client does whose connection broke
			wg.Wait()
			from := ""
			for _, p := range src.asked() {
				if p.off <= src.lie && src.lie < p.end && from == "" {
					from = p.from
				}
			}
			if from != liar {
				if err != nil || !bytes.Equal(got, src.data) {
					t.Errorf("the liar was not asked for its lie: %d bytes, %v", len(got), err)
				}
				return
			}
			if !errors.Is(err, ErrMismatch) || len(got) == len(src.data) {
				t.Errorf("who had the byte: %d bytes, %v", len(got), err)
			}
			if !slices.Equal(src.guilty, []string{liar}) || src.rejected != 0 {
				t.Errorf("found %v, rejected %d times", src.guilty, src.rejected)
			}
			n := len(src.asked())
			again := get(t, s, w)
			if again.How != Hit {
				t.Errorf("%v", again.How)
			}
			readAll(t, again, src.data)
			if len(src.asked()) != n {
				t.Error("fetched again")
			}
			if sent := src.bytesSent(); sent > 2*int64(len(src.data)) {
				t.Errorf("%d bytes of %d were sent", sent, len(src.data))
			}
		})
	}
}

// TestTheLiarUnseen: nobody has had a byte yet: the object comes as if nothing
// had been.
func TestTheLiarUnseen(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 26<<20, "a", "b")
	src.liar, src.lie = "b", partSize+5
	src.rate = time.Millisecond
	w := src.want()
	w.Early = false
	readAll(t, get(t, s, w), src.data)
	if !slices.Equal(src.guilty, []string{"b"}) {
		t.Errorf("found %v", src.guilty)
	}
}

// TestAllLie: nobody alone explains the wrong bytes; then all are rejected.
func TestAllLie(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a", "b")
	w := src.want()
	w.Digest = "sha256:" + w.Digest[len("sha256:")+1:] + "0"
	c, err := s.Get(t.Context(), w)
	if err == nil {
		_, err = io.ReadAll(c)
		c.Close()
	}
	if !errors.Is(err, ErrMismatch) || src.rejected == 0 || len(src.guilty) != 0 {
		t.Errorf("%v, found %v, rejected %d times", err, src.guilty, src.rejected)
	}
}
