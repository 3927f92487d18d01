package campaign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/test/disk"
)

// judge opens the store on what a disk holds and says what is wrong with it: nothing
// that was acknowledged may be lost, nothing that is there may be wrong, and fsck
// must find nothing.
func (w *witness) judge(tree *disk.Tree, e expect, scratch string) (err error) {
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := tree.WriteTo(dir); err != nil {
		return err
	}
	s, err := cache.Open(cache.Options{Dir: filepath.Join(dir, "data"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("the store does not open: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := faultless(s); err != nil {
		return err
	}
	for path, v := range e.acked {
		if err := w.kept(s, path, v); err != nil {
			return err
		}
	}
	if err := w.goesOn(s, e); err != nil {
		return err
	}
	return faultless(s)
}

// faultless runs fsck, which checks the database's own structure too.
func faultless(s *cache.Store) error {
	rep, err := s.Fsck(context.Background(), false)
	if err == nil && len(rep.Problems) > 0 {
		err = fmt.Errorf("fsck: %s", strings.Join(rep.Problems, "; "))
	}
	return err
}

// kept says what is wrong where an acknowledged version is not in the store, nor a
// later one.
func (w *witness) kept(s *cache.Store, path string, v version) error {
	d := digest.Of(v.data)
	if name := entry(path); name != "" {
		en, ok := s.Entry(name)
		if !ok {
			return fmt.Errorf("%s: was stored, and the name leads nowhere", path)
		}
		d = en.Digest
	}
	c, err := s.Object(d)
	if err != nil {
		return fmt.Errorf("%s: was stored as %s: %w", path, d, err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	least, _ := w.which(path, v.data)
	if at, ok := w.which(path, got); !ok || at < least {
		return fmt.Errorf("%s: %d bytes that are not version %d nor later", path, len(got), least)
	}
	return nil
}

// goesOn asks for all else again: from the store, from what partials have, and from an
// upstream that has the last version. No two versions may be mixed.
func (w *witness) goesOn(s *cache.Store, e expect) error {
	for path, versions := range w.published() {
		if _, kept := e.acked[path]; kept {
			continue
		}
		v := versions[len(versions)-1]
		src := &source{version: v, asked: -1}
		want := cache.Want{Size: -1, Early: true, Source: src}
		if want.Name = entry(path); want.Name == "" {
			want.Digest, want.Size = digest.Of(v.data), int64(len(v.data))
		}
		c, err := s.Get(context.Background(), want)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		got, err := io.ReadAll(c)
		if cerr := c.Close(); err == nil {
			err = cerr
		}
		whole := slices.ContainsFunc(versions, func(v version) bool { return bytes.Equal(got, v.data) })
		if err != nil || !whole {
			return fmt.Errorf("%s: %d wrong bytes are served, %v", path, len(got), err)
		}
		if src.asked >= 0 && src.asked < e.noted[path] {
			return fmt.Errorf("%s: fetched from %d, and %d bytes were noted", path, src.asked, e.noted[path])
		}
	}
	return nil
}

// source is an upstream that has one version, and knows the validators of it.
type source struct {
	version
	asked int64 // where the first answer was to begin, -1 none
}

// Open gives the rest of the version that is held, or all.
func (s *source) Open(_ context.Context, off int64, held cache.Meta) (*cache.Incoming, error) {
	if s.asked < 0 {
		s.asked = off
	}
	if held != (cache.Meta{}) && held.ETag != s.meta.ETag {
		off = 0
	}
	body := io.NopCloser(bytes.NewReader(s.data[off:]))
	return &cache.Incoming{Body: body, Off: off, Size: int64(len(s.data)), Framed: true, Meta: s.meta}, nil
}

// Reject is never deserved.
func (s *source) Reject(err error) error {
	return fmt.Errorf("the store rejects what is right: %w", err)
}
