package cache

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// TestTornFileIsAMiss: an object's file that is shorter than it was is fetched
// again, and nobody gets the torn one.
func TestTornFileIsAMiss(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		dir := t.TempDir()
		src := newFake(t, size)
		d := digest.Of(src.data)
		s, err := Open(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
		if err := errors.Join(s.Close(), os.Truncate(s.blobPath(d), int64(size/2))); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir})
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
		readAll(t, get(t, s, src.vouched()), src.data)
		if got := src.requests(); len(got) != 2 {
			t.Errorf("size %d: upstream was asked for %v", size, got)
		}
	}
}

// TestUnreadableFileIsAMiss: what the disk cannot give breaks off the one who reads
// it, and is fetched again for the next.
func TestUnreadableFileIsAMiss(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	readAll(t, get(t, s, src.vouched()), src.data)
	settled(t, s)
	c := get(t, s, src.vouched())
	c.ReadSeeker.(*File).Fail(syscall.EPIPE) // the client's doing
	if err := errors.Join(c.Err(), c.Close()); err != nil || !s.Has(c.Digest) {
		t.Fatalf("a client that left cost the object: %v", err)
	}
	c = get(t, s, src.vouched())
	c.ReadSeeker.(*File).Fail(syscall.EIO)
	if c.Err() == nil {
		t.Error("the answer does not break off")
	}
	if err := c.Close(); err != nil || s.Has(c.Digest) {
		t.Errorf("it is still there, %v", err)
	}
	readAll(t, get(t, s, src.vouched()), src.data)
	if got := src.requests(); len(got) != 2 {
		t.Errorf("upstream was asked for %v", got)
	}
}

// TestEvictedWhileAskedFor: an object that is on its way out is fetched again.
func TestEvictedWhileAskedFor(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	w := src.vouched()
	readAll(t, get(t, s, w), src.data)
	settled(t, s)
	if !s.markEvicting(w.Digest) {
		t.Fatal("it is being read")
	}
	time.AfterFunc(20*time.Millisecond, func() {
		if _, err := s.remove([]digest.Digest{w.Digest}, OverSize); err != nil {
			t.Error(err)
		}
	})
	readAll(t, get(t, s, w), src.data)
}

// TestFailedEvictionLosesNothing: what went to trash before another could not
// comes back.
func TestFailedEvictionLosesNothing(t *testing.T) {
	s := open(t, Options{})
	a, b := newFake(t, 100_000), newFake(t, 100_001)
	var list []digest.Digest
	for _, src := range []*fakeSource{a, b} {
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
		list = append(list, digest.Of(src.data))
		s.markEvicting(digest.Of(src.data))
	}
	if err := os.Mkdir(s.trashPath(list[1]), 0o700); err != nil { // a rename onto it fails
		t.Fatal(err)
	}
	if _, err := s.remove(list, OverSize); err == nil {
		t.Fatal("the eviction did not fail")
	}
	if err := os.Remove(s.trashPath(list[1])); err != nil {
		t.Fatal(err)
	}
	for _, src := range []*fakeSource{a, b} {
		c, err := s.Object(digest.Of(src.data))
		if err != nil {
			t.Fatal(err)
		}
		readAll(t, c, src.data)
	}
}
