package patch

import (
	"bytes"
	"testing"
)

// counted fails the test that writes more than left.
type counted struct {
	t    *testing.T
	left int64
}

func (c *counted) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		c.t.Fatal("more was written than the size")
	}
	return len(p), nil
}

func FuzzApply(f *testing.F) {
	old := cat([]byte("the old content, which a patch may be of. "), random(1, 2000))
	for _, new := range [][]byte{nil, old, cat(old[100:], []byte("and more"), old[:700]), random(2, 100)} {
		var w bytes.Buffer
		if _, err := Make(&w, bytes.NewReader(old), bytes.NewReader(new), nil); err != nil {
			f.Fatal(err)
		}
		f.Add(w.Bytes(), int64(len(new)))
	}
	f.Fuzz(func(t *testing.T, patch []byte, size int64) {
		if size < 0 || size > 1<<20 {
			return
		}
		w := &counted{t, size}
		matches, err := Apply(w, bytes.NewReader(old), bytes.NewReader(patch), size)
		if err == nil {
			if w.left != 0 {
				t.Fatalf("%d bytes were not written", w.left)
			}
			ordered(t, matches, len(old), int(size))
		}
	})
}

func FuzzMake(f *testing.F) {
	f.Add([]byte("some old content, some old content"), []byte("some new content, some old content"), int64(0), int64(10), int64(5), int64(20))
	f.Add(random(1, 300), random(1, 200), int64(0), int64(300), int64(0), int64(200))
	f.Fuzz(func(t *testing.T, old, new []byte, a, b, c, d int64) {
		made(t, old, new, Pair{a, b, c, d}, Pair{b, a, d, c})
		// Longer, and mostly alike.
		made(t, cat(old, random(1, 100), new, random(2, 3000)), cat(new, random(2, 3000), random(1, 100), old), Pair{a, b, c, d})
	})
}
