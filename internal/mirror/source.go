package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/upstream"
)

// source fetches one object of a repository for a flight.
type source struct {
	group  *upstream.Group
	name   string // what errors begin with, "" where the caller names the repository
	size   int64  // -1 unknown
	pinned bool   // a digest will judge
	unless cache.Meta
	asked  func(*upstream.Request) // adds what the protocol wants said; nil = nothing
	hears  func(upstream.Info)     // is told of each answer; nil = nobody

	lacks upstream.Lacks // of the parts

	mu     sync.Mutex
	paths  []string         // where the object can be had, the likeliest first; guarded by mu
	avoid  []string         // mirrors under suspicion; guarded by mu
	bodies []*upstream.Body // opened of late; guarded by mu
	before []string         // the mirrors of those before them; guarded by mu
	from   string           // the mirror that answered first; guarded by mu
}

func (s *source) Open(ctx context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	s.mu.Lock()
	from := s.from
	s.mu.Unlock()
	return s.open(ctx, upstream.Request{
		Off: off, Size: s.size, Pinned: s.pinned,
		Held: validator(held), HeldFrom: from,
	}, from)
}

// Lanes is what the group offers for what a digest will judge.
func (s *source) Lanes(size int64) int {
	if !s.pinned || s.size != size {
		return 1
	}
	return s.group.Lanes(size)
}

// OpenPart asks for a part; a spare lane only who has a connection to spare.
func (s *source) OpenPart(ctx context.Context, off, end int64, spare bool) (*cache.Incoming, error) {
	req := upstream.Request{Off: off, End: end, Size: s.size, Pinned: s.pinned, Part: upstream.Lead, Lacks: &s.lacks}
	if spare {
		req.Part = upstream.Lane
	}
	in, err := s.open(ctx, req, "")
	switch {
	case errors.Is(err, upstream.ErrNoLane):
		return nil, cache.ErrNoLane
	case errors.Is(err, upstream.ErrNoParts):
		return nil, cache.ErrNoParts
	}
	return in, err
}

// Avoid has what comes from now on come from other mirrors, where there are any.
func (s *source) Avoid(mirror string) (others bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.avoid = nil
	if mirror != "" {
		s.avoid = []string{mirror}
	}
	return slices.ContainsFunc(s.group.Mirrors(), func(m string) bool { return m != mirror })
}

// RejectFrom blames one mirror, "" nobody who is known, and names it.
func (s *source) RejectFrom(mirror string, reason error) error {
	if mirror == "" {
		return reason
	}
	s.group.Blame(mirror, reason)
	return s.named([]string{mirror}, reason)
}

func (s *source) open(ctx context.Context, req upstream.Request, from string) (*cache.Incoming, error) {
	s.mu.Lock()
	paths := s.paths
	req.Avoid = s.avoid
	s.mu.Unlock()
	if req.Off == 0 && from == "" { // with bytes of the new one in hand, "not modified" would be no answer
		req.Unless = validator(s.unless)
	}
	if s.unless != (cache.Meta{}) {
		req.Patience = patience // there is something to serve meanwhile
	}
	var first error
	for i, p := range paths {
		req.Path = p
		if s.asked != nil {
			s.asked(&req)
		}
		body, err := s.group.Open(ctx, req)
		if err == nil {
			if s.hears != nil {
				s.hears(body.Info)
			}
			if i > 0 {
				s.found(p)
			}
			return s.incoming(body), nil
		}
		if errors.Is(err, upstream.ErrNotModified) {
			return nil, cache.ErrNotModified
		}
		if first == nil || absent(first) {
			first = err
		}
		if ctx.Err() != nil || errors.Is(err, upstream.ErrNoLane) {
			break
		}
	}
	return nil, first
}

// found has a path be the first from now on.
func (s *source) found(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = slices.Concat([]string{path}, slices.DeleteFunc(slices.Clone(s.paths), func(p string) bool { return p == path }))
}

func (s *source) incoming(b *upstream.Body) *cache.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bodies) >= 2*bodiesKept { // a large object has thousands of parts
		s.before = sources(s.before, s.bodies[:bodiesKept])
		s.bodies = slices.Clone(s.bodies[bodiesKept:])
	}
	s.bodies = append(s.bodies, b)
	if s.from == "" {
		s.from = b.Mirror
	}
	return &cache.Incoming{
		Body: b, Off: b.Off, End: b.End(), Size: b.Size, Framed: b.Framed,
		Meta: cache.Meta{ETag: b.Validator.ETag, LastModified: b.Validator.LastModified, ContentType: b.ContentType},
	}
}

// Reject blames every mirror whose bytes are among the wrong ones, and names them.
func (s *source) Reject(reason error) error {
	s.mu.Lock()
	mirrors := sources(s.before, s.bodies)
	s.bodies, s.before, s.from = nil, nil, ""
	s.mu.Unlock()
	for _, m := range mirrors {
		s.group.Blame(m, reason)
	}
	if len(mirrors) == 0 {
		return reason
	}
	return s.named(mirrors, reason)
}

// bodiesKept is more than a flight has open at once.
const bodiesKept = 32

// sources adds the mirrors of bodies to those that are known, each once.
func sources(known []string, bodies []*upstream.Body) []string {
	for _, b := range bodies {
		for _, m := range b.Sources() {
			if !slices.Contains(known, m) {
				known = append(known, m)
			}
		}
	}
	return known
}

func (s *source) named(mirrors []string, reason error) error {
	from := strings.Join(mirrors, ", ")
	if s.name != "" {
		from = s.name + ": " + from
	}
	return fmt.Errorf("%s: %w", from, reason)
}

func validator(m cache.Meta) upstream.Validator {
	return upstream.Validator{ETag: m.ETag, LastModified: m.LastModified}
}

// absent reports upstream's word that there is no such file.
func absent(err error) bool { return saidStatus(err, 404, 410) }

// denied reports upstream's word that who asks may not have it.
func denied(err error) bool { return saidStatus(err, 401, 403) }

// rateLimited reports that upstream was asked too often.
func rateLimited(err error) bool { return saidStatus(err, 429) }

func saidStatus(err error, codes ...int) bool {
	var status *upstream.StatusError
	return errors.As(err, &status) && slices.Contains(codes, status.Code)
}
