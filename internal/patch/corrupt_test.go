package patch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

func TestTruncatedAndTrailing(t *testing.T) {
	old := random(1, 5000)
	new := cat(old[1000:3000], []byte("something new"), old[:900])
	new[500]++
	patch, _ := made(t, old, new)
	for n := range patch {
		if _, err := Apply(io.Discard, bytes.NewReader(old), bytes.NewReader(patch[:n]), int64(len(new))); !errors.Is(err, ErrCorrupt) {
			t.Errorf("its first %d bytes of %d: %v", n, len(patch), err)
		}
	}
	for _, size := range []int64{0, 1, int64(len(new)) - 1, int64(len(new)) + 1} {
		if _, err := Apply(io.Discard, bytes.NewReader(old), bytes.NewReader(patch), size); !errors.Is(err, ErrCorrupt) {
			t.Errorf("size %d for %d: %v", size, len(new), err)
		}
	}
	if _, err := Apply(io.Discard, bytes.NewReader(old), bytes.NewReader(append(patch, 0)), int64(len(new))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a byte more: %v", err)
	}
}

// forged are the bytes of a patch with these matches, and blocks as they are given.
func forged(t *testing.T, count uint64, blocks ...[]byte) []byte {
	var w bytes.Buffer
	p, err := newPacker(&w)
	if err != nil {
		t.Fatal(err)
	}
	p.w.Write(binary.AppendUvarint(nil, count))
	for _, b := range blocks {
		if err := p.block(b); err != nil {
			t.Fatal(err)
		}
	}
	p.w.Flush()
	return w.Bytes()
}

func numbers(n ...uint64) (p []byte) {
	for _, v := range n {
		p = binary.AppendUvarint(p, v)
	}
	return p
}

// signed is v as a zigzag.
func signed(v int64) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

func TestLimits(t *testing.T) {
	const size = 100
	old := random(1, size)
	none := []byte{}
	one := func(gap, jump, length uint64) [][]byte {
		return [][]byte{numbers(gap), numbers(jump), numbers(length)}
	}
	whole := one(0, 0, size)
	batch := func(runs, diffs, extra []byte) [][]byte { return append(whole[:3:3], runs, diffs, extra) }
	for name, patch := range map[string][]byte{
		"more matches than bytes":       forged(t, size+1),
		"more matches than allowed":     forged(t, MaxMatches+1),
		"no columns":                    forged(t, 1),
		"a long match":                  forged(t, 1, one(0, 0, size+1)...),
		"an endless match":              forged(t, 1, one(0, 0, 1<<64-1)...),
		"an empty match":                forged(t, 1, one(0, 0, 0)...),
		"a far match":                   forged(t, 1, one(1<<64-1, 0, 2)...),
		"before the old":                forged(t, 1, one(0, signed(-1), 2)...),
		"before all":                    forged(t, 1, one(0, signed(-1<<63), 2)...),
		"behind the old":                forged(t, 1, one(0, signed(size-1), 2)...),
		"behind all":                    forged(t, 1, one(0, signed(1<<63-1), 2)...),
		"numbers without matches":       forged(t, 1, numbers(0, 0), numbers(0), numbers(size)),
		"no number":                     forged(t, 1, bytes.Repeat([]byte{0xff}, 11), numbers(0), numbers(size)),
		"a column longer than it may":   forged(t, 1, make([]byte, 11)),
		"a long run":                    forged(t, 1, batch(numbers(size+1), none, none)...),
		"an empty differing run":        forged(t, 1, batch(numbers(1, 0, size-1), none, none)...),
		"a differing run without bytes": forged(t, 1, batch(numbers(1, size-1), none, none)...),
		"bytes without a run":           forged(t, 1, batch(numbers(size), []byte{1}, none)...),
		"new content without a place":   forged(t, 1, batch(numbers(size), none, []byte{1})...),
		"a batch of nothing":            forged(t, 0, none, none, none),
		"too much of both":              forged(t, 1, batch(numbers(size), make([]byte, batchSize/2), make([]byte, batchSize/2+1))...),
		"no frame":                      append(numbers(0, 0, 0), 4, 4, 1, 2, 3, 4),
		"a block that is too large":     numbers(0, 0, 0, maxBlock+1, 1<<30),
		"a pack that is too large":      numbers(0, 0, 0, 10, 1<<30),
	} {
		t.Run(name, func(t *testing.T) {
			var w bytes.Buffer
			_, err := Apply(&w, bytes.NewReader(old), bytes.NewReader(patch), size)
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("err = %v", err)
			}
			if w.Len() > size {
				t.Errorf("%d bytes were written, of %d", w.Len(), size)
			}
		})
	}
}

// A reading error is told as what it is, not as a corrupt patch.
func TestErrorsOfOthers(t *testing.T) {
	old := random(1, 5000)
	patch, _ := made(t, old, old)
	broken := errors.New("broken")
	_, err := Apply(io.Discard, bytes.NewReader(old), io.MultiReader(bytes.NewReader(patch[:len(patch)-1]), failing{broken}), 5000)
	if !errors.Is(err, broken) {
		t.Errorf("reading the patch: %v", err)
	}
	if _, err := Apply(failing{broken}, bytes.NewReader(old), bytes.NewReader(patch), 5000); !errors.Is(err, broken) {
		t.Errorf("writing: %v", err)
	}
	short := io.NewSectionReader(bytes.NewReader(old), 0, 9000)
	if _, err := Apply(io.Discard, short, bytes.NewReader(patch), 5000); err != nil {
		t.Errorf("an old content longer than what is used of it: %v", err)
	}
	if _, err := Make(io.Discard, short, bytes.NewReader(old), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an old content that ends early: %v", err)
	}
	if _, err := Make(failing{broken}, bytes.NewReader(old), bytes.NewReader(old), nil); !errors.Is(err, broken) {
		t.Errorf("writing the patch: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
