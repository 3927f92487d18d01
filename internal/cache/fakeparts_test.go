package cache

import (
	"context"
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
	parted int            // ignores ranges after so many parts, 0 never
	named  string         // the origin of what comes as a whole
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
	busy     int // answers under way, with this one
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

func (s *fakeParts) Avoid(who string) bool {
	s.pmu.Lock()
	defer s.pmu.Unlock()
	s.avoid = who
	if s.trial != nil {
		s.trial()
		s.trial = nil
	}
	return true
}

func (s *fakeParts) RejectFrom(who string, reason error) error {
	s.pmu.Lock()
	defer s.pmu.Unlock()
	s.guilty = append(s.guilty, who)
	return reason
}

func (s *fakeParts) OpenPart(ctx context.Context, off, end int64, spare bool) (*Incoming, error) {
	if off < 0 || end <= off || end > int64(len(s.data)) || end-off > partMost {
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
	if s.parted > 0 && len(s.parts) >= s.parted {
		s.fakeSource.ignore()
		return nil, ErrNoParts
	}
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
	busy := 0
	for _, n := range s.busy {
		busy += n
	}
	s.parts = append(s.parts, sent{off, end, from, busy})
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

func (s *fakeParts) Open(ctx context.Context, off int64, held Meta) (*Incoming, error) {
	in, err := s.fakeSource.Open(ctx, off, held)
	if err != nil || s.named == "" {
		return in, err
	}
	s.pmu.Lock()
	defer s.pmu.Unlock()
	s.busy[s.named]++
	in.Body = &partBody{fakeBody: in.Body.(*fakeBody), s: s, from: s.named}
	return in, nil
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

func (b *partBody) Origin() (from, version string) { return b.from, "1" }

func (b *partBody) Close() error {
	b.once.Do(func() {
		b.s.pmu.Lock()
		defer b.s.pmu.Unlock()
		b.s.busy[b.from]--
	})
	return nil
}
