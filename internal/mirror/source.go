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
	name   string   // what errors begin with, "" where the caller names the repository
	paths  []string // where the object can be had, the likeliest first
	size   int64    // -1 unknown
	pinned bool     // a digest will judge
	unless cache.Meta
	asked  func(*upstream.Request) // adds what the protocol wants said; nil = nothing
	hears  func(upstream.Info)     // is told of each answer; nil = nobody

	mu     sync.Mutex
	bodies []*upstream.Body // opened so far; guarded by mu
	from   string           // the mirror that answered first; guarded by mu
}

func (s *source) Open(ctx context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	s.mu.Lock()
	from := s.from
	s.mu.Unlock()
	req := upstream.Request{
		Off: off, Size: s.size, Pinned: s.pinned,
		Held: validator(held), HeldFrom: from,
	}
	if off == 0 && from == "" { // with bytes of the new one in hand, "not modified" would be no answer
		req.Unless = validator(s.unless)
	}
	if s.unless != (cache.Meta{}) {
		req.Patience = patience // there is something to serve meanwhile
	}
	var first error
	for _, p := range s.paths {
		req.Path = p
		if s.asked != nil {
			s.asked(&req)
		}
		body, err := s.group.Open(ctx, req)
		if err == nil {
			if s.hears != nil {
				s.hears(body.Info)
			}
			return s.incoming(body), nil
		}
		if errors.Is(err, upstream.ErrNotModified) {
			return nil, cache.ErrNotModified
		}
		if first == nil || absent(first) {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (s *source) incoming(b *upstream.Body) *cache.Incoming {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, b)
	if s.from == "" {
		s.from = b.Mirror
	}
	return &cache.Incoming{
		Body: b, Off: b.Off, Size: b.Size, Framed: b.Framed,
		Meta: cache.Meta{ETag: b.Validator.ETag, LastModified: b.Validator.LastModified, ContentType: b.ContentType},
	}
}

// Reject blames every mirror whose bytes are among the wrong ones, and names them.
func (s *source) Reject(reason error) error {
	s.mu.Lock()
	bodies := s.bodies
	s.bodies, s.from = nil, ""
	s.mu.Unlock()
	var mirrors []string
	for _, b := range bodies {
		for _, m := range b.Sources() {
			s.group.Blame(m, reason)
			if !slices.Contains(mirrors, m) {
				mirrors = append(mirrors, m)
			}
		}
	}
	if len(mirrors) == 0 {
		return reason
	}
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
