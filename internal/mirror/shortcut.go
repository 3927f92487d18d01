package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// Shortcut gives objects for fewer bytes than upstream takes for them: what a hub
// tells of a new version, say, applied to an older one. What it gives is judged by the
// digest, as upstream's bytes are.
type Shortcut interface {
	// Open gives the whole object that ref names, from its first byte, made with
	// one of the stored objects that bases looks for; there may be none. Of a registry's blob ref.Path is
	// REPOSITORY@DIGEST, and a shortcut is only for what the image repository has: that is
	// taken from it as it is from upstream. ErrNoShortcut says that upstream is better.
	Open(ctx context.Context, repoName string, ref repo.Ref, bases func() ([]Object, error)) (io.ReadCloser, error)
}

// ErrNoShortcut reports an object for which there is no shortcut.
var ErrNoShortcut = errors.New("no shortcut")

// pinned is the source of what ref names in a repository or registry: src, and before
// it the shortcut, where there is one.
func (m *Mirror) pinned(short Shortcut, name string, ref repo.Ref, src *source) cache.Source {
	src.size, src.pinned = ref.Size, true
	if short == nil || ref.Size < 0 {
		return src
	}
	return &shorter{source: src, shortcut: short, m: m, repo: name, ref: ref}
}

// shorter is a source that takes the shortcut once, where a flight begins with the
// first byte. Where there is none, or it fails on the way, the rest comes from upstream.
type shorter struct {
	*source
	shortcut Shortcut
	m        *Mirror
	repo     string
	ref      repo.Ref

	tried atomic.Bool // or passed by: there is no going back
}

// provesNothing reports an answer that upstream had no part in: it says nothing of what
// a client may read.
func provesNothing(in *cache.Incoming) bool {
	_, short := in.Body.(*shortBody)
	return short
}

// byShortcut is the origin of what came so: where the bytes are wrong, these are
// suspected, and fetched again from upstream.
const byShortcut = "shortcut"

// Lanes is one for the shortcut, which gives its bytes in order.
func (s *shorter) Lanes(size int64) int {
	if !s.tried.Load() {
		return 1
	}
	return s.source.Lanes(size)
}

func (s *shorter) Open(ctx context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	if first := s.tried.CompareAndSwap(false, true); first && off == 0 {
		if body := s.short(ctx); body != nil {
			return &cache.Incoming{Body: &shortBody{s: s, ctx: ctx, body: body}, Size: s.size, Framed: true}, nil
		}
	}
	return s.source.Open(ctx, off, held)
}

// OpenPart is upstream's: whoever asks for parts has been told of lanes.
func (s *shorter) OpenPart(ctx context.Context, off, end int64, spare bool) (*cache.Incoming, error) {
	s.tried.Store(true)
	return s.source.OpenPart(ctx, off, end, spare)
}

// Avoid keeps off the shortcut, or off a mirror.
func (s *shorter) Avoid(origin string) (others bool) {
	s.tried.Store(true)
	if origin == byShortcut {
		s.source.Avoid("")
		return true
	}
	return s.source.Avoid(origin)
}

// RejectFrom blames a mirror; the shortcut is only named.
func (s *shorter) RejectFrom(origin string, reason error) error {
	if origin == byShortcut {
		return fmt.Errorf("%s: %s: %w", s.repo, byShortcut, reason)
	}
	return s.source.RejectFrom(origin, reason)
}

// short opens the shortcut; nil where there is none.
func (s *shorter) short(ctx context.Context) io.ReadCloser {
	body, err := s.shortcut.Open(ctx, s.repo, s.ref, func() ([]Object, error) { return s.m.Forebears(ctx, s.repo, s.ref) })
	if err != nil {
		if !errors.Is(err, ErrNoShortcut) {
			s.m.log.Warn("a shortcut failed, upstream is asked", "repo", s.repo, "path", s.ref.Path, "err", err)
		}
		return nil
	}
	return body
}

// shortBody is the shortcut's bytes, and upstream's from where they fail.
type shortBody struct {
	s   *shorter
	ctx context.Context // the flight's

	// The reader's own.
	pos  int64 // the next byte
	left bool  // body is upstream's

	mu     sync.Mutex
	body   io.ReadCloser // guarded by mu
	closed bool          // guarded by mu
}

func (b *shortBody) Read(p []byte) (int, error) {
	for !b.left {
		if b.pos == b.s.size {
			return 0, io.EOF // the digest judges what more it may have to say
		}
		n, err := b.current().Read(p[:min(int64(len(p)), b.s.size-b.pos)])
		b.pos += int64(n)
		if n > 0 || err == nil {
			return n, nil // of an error the next Read hears again
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err := b.leave(err); err != nil {
			return 0, err
		}
	}
	return b.current().Read(p)
}

// leave goes on with upstream.
func (b *shortBody) leave(why error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.s.m.log.Warn("a shortcut failed on the way, upstream gives the rest", "repo", b.s.repo, "path", b.s.ref.Path, "at", b.pos, "err", why)
	in, err := b.s.source.Open(b.ctx, b.pos, cache.Meta{})
	if err == nil && in.Off != b.pos {
		in.Body.Close()
		err = fmt.Errorf("%w: upstream serves no ranges", why)
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body.Close()
	b.body, b.left = in.Body, true
	if b.closed {
		in.Body.Close()
	}
	return nil
}

func (b *shortBody) current() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.body
}

// Origin is the shortcut, or the mirror that gives the rest.
func (b *shortBody) Origin() (mirror, version string) {
	if o, ok := b.current().(interface{ Origin() (string, string) }); b.left && ok {
		return o.Origin()
	}
	return byShortcut, ""
}

// Close ends a Read that waits.
func (b *shortBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.body.Close()
}
