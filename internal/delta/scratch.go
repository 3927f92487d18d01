package delta

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"mirrord/internal/patch"
)

// scratch is the room of one Make or Apply: temporary files without names, so that
// nothing is left of them however the process ends. Whatever is read and written goes
// through it, for two reasons: a context that is done ends the work, and a failing
// disk or line is told from a delta that makes no sense.
type scratch struct {
	ctx context.Context
	dir string

	mu    sync.Mutex
	files []*os.File // guarded by mu
	fault error      // guarded by mu: the first failure to read or write
}

func newScratch(ctx context.Context, dir string) *scratch {
	return &scratch{ctx: ctx, dir: dir}
}

// close gives all files back.
func (s *scratch) close() {
	for _, f := range s.files {
		f.Close()
	}
}

// spool makes an empty temporary file.
func (s *scratch) spool() (*spool, error) {
	f, err := os.CreateTemp(s.dir, "mirrord-delta-*")
	if err != nil {
		return nil, s.note(err)
	}
	s.mu.Lock()
	s.files = append(s.files, f)
	s.mu.Unlock()
	return &spool{scratch: s, file: f}, s.note(os.Remove(f.Name()))
}

// note keeps err where it is the first failure. That something ends is none.
func (s *scratch) note(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.fault = err
	}
	return err
}

// check ends the work of a context that is done.
func (s *scratch) check() error { return s.note(s.ctx.Err()) }

// failed is the first failure to read or write, if there was one.
func (s *scratch) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// spool is a temporary file that grows at its end.
type spool struct {
	scratch *scratch
	file    *os.File
	size    int64
}

func (f *spool) Size() int64 { return f.size }

func (f *spool) Write(p []byte) (int, error) {
	if err := f.scratch.check(); err != nil {
		return 0, err
	}
	n, err := f.file.WriteAt(p, f.size)
	f.size += int64(n)
	return n, f.scratch.note(err)
}

func (f *spool) ReadAt(p []byte, off int64) (int, error) {
	if err := f.scratch.check(); err != nil {
		return 0, err
	}
	if off >= f.size { // what lies behind was cut off
		return 0, io.EOF
	}
	n, err := f.file.ReadAt(p[:min(int64(len(p)), f.size-off)], off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, f.scratch.note(err)
}

// cut makes the spool end at size, which is not behind its end; what is written next
// takes the place of what was cut off.
func (f *spool) cut(size int64) { f.size = size }

// watched is a content of the caller's.
type watched struct {
	patch.Content
	scratch *scratch
}

func (w watched) ReadAt(p []byte, off int64) (int, error) {
	if err := w.scratch.check(); err != nil {
		return 0, err
	}
	n, err := w.Content.ReadAt(p, off)
	return n, w.scratch.note(err)
}

// watchedReader and watchedWriter are streams of the caller's.
type watchedReader struct {
	io.Reader
	scratch *scratch
}

func (w watchedReader) Read(p []byte) (int, error) {
	if err := w.scratch.check(); err != nil {
		return 0, err
	}
	n, err := w.Reader.Read(p)
	return n, w.scratch.note(err)
}

type watchedWriter struct {
	io.Writer
	scratch *scratch
}

func (w watchedWriter) Write(p []byte) (int, error) {
	if err := w.scratch.check(); err != nil {
		return 0, err
	}
	n, err := w.Writer.Write(p)
	return n, w.scratch.note(err)
}
