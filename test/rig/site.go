package rig

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Site is a directory that a web server gives out, and into which generations of
// archives are brought file by file, each in one step, as rsync does.
type Site struct {
	Root string

	tb testing.TB
}

// NewSite makes an empty one.
func NewSite(tb testing.TB) *Site {
	tb.Helper()
	return &Site{Root: tb.TempDir(), tb: tb}
}

// Publish brings a whole generation in the order that keeps clients best from
// harm. Files of earlier generations stay, unless they have the same names.
func (s *Site) Publish(g *Generation) {
	s.tb.Helper()
	s.Put(g, g.Pool)
	s.Put(g, g.Indexes)
	s.Put(g, g.Roots)
}

// Put brings some of a generation's files. What is there already is not touched.
func (s *Site) Put(g *Generation, files []string) {
	s.tb.Helper()
	for _, name := range files {
		if err := s.put(g, name); err != nil {
			s.tb.Fatal(err)
		}
	}
}

func (s *Site) put(g *Generation, name string) error {
	to := filepath.Join(s.Root, name)
	data, err := os.ReadFile(filepath.Join(g.Dir, name))
	if err != nil {
		return err
	}
	if there, err := os.ReadFile(to); err == nil && bytes.Equal(there, data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", data, 0o644); err != nil {
		return err
	}
	// nginx makes its validators of time and size, and the time counts in seconds:
	// two versions must not have the same.
	if err := os.Chtimes(to+".new", g.Date, g.Date); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}
