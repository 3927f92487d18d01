package cache

import (
	"context"
	"errors"
	"testing"

	"mirrord/internal/digest"
)

// TestVerifyPace: reading an object is paced by its bytes, however few they are.
func TestVerifyPace(t *testing.T) {
	s := open(t, Options{})
	for _, size := range []int{1, verifyBuffer, 3*verifyBuffer + 7} {
		src := newFake(t, size)
		readAll(t, get(t, s, src.vouched()), src.data)
		paced := 0
		err := s.Verify(t.Context(), digest.Of(src.data), func(_ context.Context, n int) error { paced += n; return nil })
		if err != nil || paced != size {
			t.Errorf("%d bytes were paced, %v, expected %d", paced, err, size)
		}
	}
}

// TestVerifyPurged: an object that is purged while it is looked at is missing, not
// rotten: nobody is to fetch it again.
func TestVerifyPurged(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 100)
	d := digest.Of(src.data)
	done := make(chan error, 1)
	for range 300 {
		readAll(t, get(t, s, src.vouched()), src.data)
		settled(t, s)
		go func() {
			for {
				if err := s.Verify(context.Background(), d, nil); err != nil {
					done <- err
					return
				}
			}
		}()
		if _, err := s.Purge(nil, []digest.Digest{d}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, ErrNotStored) {
			t.Fatalf("Verify = %v, expected ErrNotStored", err)
		}
	}
}
