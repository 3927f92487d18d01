package flate

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

	"mirrord/internal/patch"
)

// A window is the part of a content that decisions look at: windowSize bytes
// behind the place, lookAhead before it.
type window struct {
	content patch.Content
	size    int64
	base    int64 // the place of buf[0]
	filled  int
	buf     []byte // 8 more than are filled, so that words can be read anywhere
}

const lookAhead = 2*maxMatch + 8

func newWindow(c patch.Content) *window {
	w := &window{content: c, size: c.Size()}
	w.buf = make([]byte, min(w.size, 1<<18)+8)
	return w
}

// at makes buf hold what is around pos, and gives its index there. Places only
// go up.
func (w *window) at(pos int64) (int, error) {
	i := int(pos - w.base)
	if i+lookAhead <= w.filled || w.base+int64(w.filled) == w.size {
		return i, nil
	}
	if from := i - windowSize; from > 0 {
		copy(w.buf, w.buf[from:w.filled])
		w.base += int64(from)
		w.filled -= from
	}
	n := int(min(int64(len(w.buf)-8-w.filled), w.size-w.base-int64(w.filled)))
	got, err := w.content.ReadAt(w.buf[w.filled:w.filled+n], w.base+int64(w.filled))
	w.filled += got
	if got < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	return int(pos - w.base), nil
}

// same is how many bytes at i and j of b are equal, limit at most.
func same(b []byte, i, j, limit int) int {
	n := 0
	for n+8 <= limit {
		x := binary.LittleEndian.Uint64(b[i+n:]) ^ binary.LittleEndian.Uint64(b[j+n:])
		if x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < limit && b[i+n] == b[j+n] {
		n++
	}
	return n
}
