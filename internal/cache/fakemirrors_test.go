package cache

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"

	"mirrord/internal/digest"
)

// fakeMirrors is a source of several mirrors, each with its own copy, which may
// change while it is read. The first that is not avoided answers.
type fakeMirrors struct {
	data   []byte        // what is right
	digest digest.Digest // of it

	mu      sync.Mutex
	mirrors []*fakeMirror // guarded by mu, what they point at too
	asked   []asked       // guarded by mu
	avoid   string        // guarded by mu
	guilty  []string      // guarded by mu
	all     int           // times that all were rejected; guarded by mu
}

// asked is a request and who answered it.
type asked struct {
	off  int64
	from string
}

type fakeMirror struct {
	name    string
	data    []byte
	version string
	down    bool
	// at is where something happens, once: before that byte goes out then is
	// called with the lock held, and what it returns ends the body.
	at   int64
	then func() error
}

func newMirrors(t *testing.T, size int, names ...string) *fakeMirrors {
	s := &fakeMirrors{data: newFake(t, size).data}
	s.digest = digest.Of(s.data)
	for _, n := range names {
		s.mirrors = append(s.mirrors, &fakeMirror{name: n, data: s.data, version: "1", at: -1})
	}
	return s
}

func (s *fakeMirrors) want() Want {
	return Want{Digest: s.digest, Size: int64(len(s.data)), Early: true, Source: s}
}

// set changes a mirror.
func (s *fakeMirrors) set(i int, change func(m *fakeMirror)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.mirrors[i])
}

func (s *fakeMirrors) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *fakeMirrors) Open(ctx context.Context, off int64, _ Meta) (*Incoming, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := slices.DeleteFunc(slices.Clone(s.mirrors), func(m *fakeMirror) bool { return m.down })
	if len(up) == 0 {
		return nil, errCut
	}
	m := up[0]
	if m.name == s.avoid && len(up) > 1 {
		m = up[1]
	}
	s.asked = append(s.asked, asked{off, m.name})
	return &Incoming{Body: &mirrorBody{ctx: ctx, s: s, m: m, pos: off}, Off: off, Size: int64(len(m.data)), Framed: true}, nil
}

func (s *fakeMirrors) Reject(reason error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	return reason
}

func (s *fakeMirrors) Avoid(who string) (others bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.avoid = who
	return slices.ContainsFunc(s.mirrors, func(m *fakeMirror) bool { return m.name != who && !m.down })
}

func (s *fakeMirrors) RejectFrom(who string, reason error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guilty = append(s.guilty, who)
	return reason
}

type mirrorBody struct {
	ctx context.Context
	s   *fakeMirrors
	m   *fakeMirror
	pos int64
}

func (b *mirrorBody) Origin() (from, version string) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	return b.m.name, b.m.version
}

func (b *mirrorBody) Read(p []byte) (int, error) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	if b.m.at == b.pos {
		then := b.m.then
		b.m.at, b.m.then = -1, nil
		if err := then(); err != nil {
			return 0, err
		}
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	p = p[:min(len(p), 64<<10)]
	if b.m.at > b.pos {
		p = p[:min(int64(len(p)), b.m.at-b.pos)]
	}
	n := copy(p, b.m.data[b.pos:])
	if n == 0 {
		return 0, io.EOF
	}
	b.pos += int64(n)
	return n, nil
}

func (b *mirrorBody) Close() error { return nil }
