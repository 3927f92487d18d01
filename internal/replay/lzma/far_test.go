package lzma

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestFarLimit: what is farther away than an encoder may look is not found, though its
// group of blocks is looked at.
func TestFarLimit(t *testing.T) {
	content := make([]byte, 200_000)
	rnd := rand.NewChaCha8([32]byte{9})
	_, _ = rnd.Read(content)
	const first, again = 20_000, 150_000
	copy(content[again:], content[first:first+20])
	w := contentWindow(bytes.NewReader(content), keep)
	f := newFar(w)
	for w.at < again {
		w.fill()
		w.at = min(w.at+1000, again)
		f.insert()
	}
	w.fill()
	for _, n := range []int{4, 5, 6, 8, 12, 20} {
		if got := f.nearest(n, 1<<20); got != again-first {
			t.Errorf("%d bytes: found at %d, expected %d", n, got, again-first)
		}
		if got := f.nearest(n, 1000); got != 0 {
			t.Errorf("%d bytes: found at %d, expected nothing so near", n, got)
		}
	}
}

// TestFarLap: a group that is taken for other blocks than before has some ahead.
func TestFarLap(t *testing.T) {
	const lap = (keep>>groupBits + 1) << groupBits
	content := make([]byte, lap+1000)
	_, _ = rand.NewChaCha8([32]byte{9}).Read(content)
	const before = 9 << blockBits
	copy(content[lap:], content[before:before+20])
	w := contentWindow(bytes.NewReader(content), keep)
	f := newFar(w)
	for w.at+int(w.base) < lap {
		w.fill()
		w.at = min(w.at+1000, lap-int(w.base))
		f.insert()
	}
	w.fill()
	for _, n := range []int{4, 6, 12, 20} {
		if got := f.nearest(n, keep); got != 0 {
			t.Errorf("%d bytes: found at %d, expected nothing: the window has it no more", n, got)
		}
	}
}
