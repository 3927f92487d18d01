package cache

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"mirrord/internal/digest"
)

// pageFirst answers once with a page that is not the object, then rightly.
type pageFirst struct {
	*fakeSource
	page string
}

func (s *pageFirst) Open(ctx context.Context, off int64, held Meta) (*Incoming, error) {
	if len(s.requests()) > 0 {
		return s.fakeSource.Open(ctx, off, held)
	}
	in, err := s.fakeSource.Open(ctx, off, held)
	if err != nil {
		return nil, err
	}
	in.Body.Close()
	gated := &fakeBody{s: s.fakeSource, ctx: ctx, data: []byte(s.page), corrupt: -1, cut: -1}
	return &Incoming{Body: gated, Size: int64(len(s.page)), Framed: true}, nil
}

// TestOtherSize: who was told the size of wrong bytes does not end cleanly with as
// many of the right ones. The object is stored all the same.
func TestOtherSize(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.gate = make(chan struct{})
	page := &pageFirst{src, strings.Repeat("<html>", 10)}
	c, err := s.Get(t.Context(), Want{Digest: digest.Of(src.data), Size: -1, Early: true, Source: page})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Size != int64(len(page.page)) {
		t.Fatalf("the size is %d, expected the page's", c.Size)
	}
	close(src.gate)
	settled(t, s)
	if end, err := c.Seek(0, io.SeekEnd); err != nil || end != c.Size {
		t.Errorf("the end is at %d, %v; expected %d as it was told", end, err, c.Size)
	}
	if _, err := c.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, c); !errors.Is(err, ErrMismatch) || c.Err() == nil {
		t.Errorf("%d bytes, %v; expected an end that is not clean", n, err)
	}
	readAll(t, get(t, s, Want{Digest: digest.Of(src.data), Size: -1, Early: true, Source: page}), src.data)
}

// TestPartialIsNotAPage: an answer that tells neither place nor size is not taken for
// what a partial lacks, so that who gets a page is not given what another's brought.
func TestPartialIsNotAPage(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.cut, src.times = 900_000, 1
	w := Want{Digest: digest.Of(src.data), Size: -1, Early: true, Source: src}
	c, err := s.Get(t.Context(), w)
	if err == nil { // else it was cut before there was anything to read
		_, err = io.Copy(io.Discard, c)
		c.Close()
	}
	if err == nil {
		t.Fatal("expected the cut")
	}
	settled(t, s)
	page := newFake(t, 60)
	page.noRange, page.noSize = true, true
	w.Source = page
	var got []byte
	if c, err = s.Get(t.Context(), w); err == nil { // else its size was known in time to wait for the verdict
		got, err = io.ReadAll(c)
		c.Close()
	}
	if err == nil || len(got) > len(page.data) {
		t.Errorf("%d bytes, %v; expected no more than the page", len(got), err)
	}
	settled(t, s)
}
