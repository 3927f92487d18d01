package moving

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/tree"
)

// Shower shows people how far it is.
type Shower interface {
	Expect(files int, bytes int64) // more of them are to come
	Did(bytes int64)               // with one file
	Line(line string)              // what somebody has to know
}

// Sum is what became of the files of one repository.
type Sum struct {
	Linked, Cloned, Copied int   // taken in, or written
	Bytes                  int64 // of these
	There                  int   // they were there already
	Unlisted               int   // nobody vouches for them
	Unconfirmed            int   // of those taken in: upstream is asked at their first use
	Wrong                  int   // they are not what they must be
	Unreadable             int
}

// Taken are the files that were taken in, or written.
func (s Sum) Taken() int { return s.Linked + s.Cloned + s.Copied }

// Log counts, and tells what is passed over. It is safe for concurrent use.
type Log struct {
	Verbose bool // also what nobody vouches for is told

	show Shower
	mu   sync.Mutex
	sums map[string]*Sum // by repository; guarded by mu
	lost int             // files and directories that could not be read or written; guarded by mu
	told map[string]bool // paths that were passed over; guarded by mu
}

// NewLog makes an empty one.
func NewLog(show Shower) *Log {
	return &Log{show: show, sums: make(map[string]*Sum), told: make(map[string]bool)}
}

// Sum is a repository's.
func (l *Log) Sum(repo string) Sum {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sums[repo]; s != nil {
		return *s
	}
	return Sum{}
}

// Lost counts what could not be read or written, in all repositories.
func (l *Log) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

func (l *Log) count(repo string, fn func(*Sum)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sums[repo] == nil {
		l.sums[repo] = new(Sum)
	}
	fn(l.sums[repo])
}

// Line tells people something, on one line whatever errors say.
func (l *Log) Line(format string, args ...any) {
	l.show.Line(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; "))
}

// Unreadable tells of a file that could not be read, once.
func (l *Log) Unreadable(p string, err error) {
	l.passed(tree.Problem{Path: p, Reason: tree.Reason(err), Failed: true})
}

// passed tells of what a walk passed over, once.
func (l *Log) passed(p tree.Problem) {
	l.mu.Lock()
	again := l.told[p.Path]
	if l.told[p.Path] = true; !again && p.Failed {
		l.lost++
	}
	l.mu.Unlock()
	if !again {
		l.Line("passed over: %v", p)
	}
}

// verdict counts what became of a file, and tells where it was not taken in. An error
// that it does not know it gives back.
func (l *Log) verdict(repo string, f tree.File, taken mirror.Taken, err error) error {
	var unreadable unreadableError
	switch {
	case err == nil:
		l.count(repo, func(s *Sum) { s.add(taken, f.Info.Size()) })
	case errors.Is(err, mirror.ErrNotListed):
		l.count(repo, func(s *Sum) { s.Unlisted++ })
		if l.Verbose {
			l.Line("left out: %q: nobody vouches for it", f.Path)
		}
	case errors.Is(err, cache.ErrMismatch), errors.Is(err, mirror.ErrNoManifest):
		l.count(repo, func(s *Sum) { s.Wrong++ })
		l.Line("wrong: %q: %v", f.Path, err)
	case errors.As(err, &unreadable):
		l.count(repo, func(s *Sum) { s.Unreadable++ })
		l.Unreadable(f.Path, unreadable.error)
	default:
		return fmt.Errorf("%q: %w", f.Path, err)
	}
	return nil
}

func (s *Sum) add(taken mirror.Taken, size int64) {
	switch taken.Manner {
	case cache.There:
		s.There++
		return
	case cache.Linked:
		s.Linked++
	case cache.Cloned:
		s.Cloned++
	case cache.Copied:
		s.Copied++
	}
	s.Bytes += size
	if taken.Unconfirmed {
		s.Unconfirmed++
	}
}

// unreadableError is that of opening what is to be taken in.
type unreadableError struct{ error }

func (e unreadableError) Unwrap() error { return e.error }
