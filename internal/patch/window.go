package patch

import "math/bits"

// A window is a stretch of the old content in memory, with an index of what
// begins at each of its bytes, which is made when first asked for.
type window struct {
	base int64 // where it begins in the old content
	data []byte

	indexed bool
	shift   uint    // of a hash, to a place in head
	head    []int32 // the last position with this hash, by strides, plus one
	chain   []int32 // per stride, the position before with the same hash, likewise
}

const (
	// windowSize bounds a window: 16 MiB of content, 32 of chain, 32 of heads.
	windowSize = 16 << 20
	// Of the window's positions, every so many are indexed, by what their seed is:
	// runs of stride+seed-1 bytes are found.
	stride = 2
	seed   = 8
	// depth bounds how many places are tried that begin with the same seed.
	depth = 32
	// enough is a length that ends the search for a longer one.
	enough = 1 << 10
)

// load moves the window. What it held is kept where nothing changes.
func (w *window) load(old Content, base, size int64) error {
	if w.base == base && int64(len(w.data)) == size {
		return nil
	}
	w.indexed = false
	w.base, w.data = base, grow(w.data, int(size))
	if err := readFull(old, w.data, base); err != nil {
		w.data = w.data[:0]
		return err
	}
	return nil
}

func (w *window) index() {
	w.indexed = true
	n := bits.Len(uint(len(w.data) / stride))
	n = min(max(n, 8), bits.Len(windowSize/stride-1))
	w.shift = uint(64 - n)
	w.head = grow(w.head, 1<<n)
	clear(w.head)
	w.chain = grow(w.chain, len(w.data)/stride+1)
	var last uint64
	for i := 0; i+seed <= len(w.data); i += stride {
		v := word(w.data, i)
		if v == last && i > 0 {
			continue // within a run of one byte: its begin is enough
		}
		last = v
		h := hash(v) >> w.shift
		w.chain[i/stride] = w.head[h]
		w.head[h] = int32(i/stride + 1)
	}
}

// longest finds where in the window the longest start of p is: among equals
// that which is nearest to near. Its length is 0 where there is none.
func (w *window) longest(p []byte, near int) (at, length int) {
	if len(p) < seed {
		return 0, 0
	}
	if !w.indexed {
		w.index()
	}
	next := w.head[hash(word(p, 0))>>w.shift]
	for tries := depth; next > 0 && tries > 0; tries-- {
		c := int(next-1) * stride
		next = w.chain[next-1]
		if c+length <= len(w.data) && length < len(p) && (length == 0 || w.data[c+length-1] == p[length-1]) {
			l := equal(w.data[c:min(len(w.data), c+enough)], p)
			if l > length || l == length && distance(c, near) < distance(at, near) {
				at, length = c, l
			}
			if length == enough {
				break
			}
		}
	}
	if length < seed {
		return 0, 0
	}
	return at, length
}

func distance(a, b int) int { return max(a-b, b-a) }

func hash(v uint64) uint64 { return v * 0x9e3779b97f4a7c15 }

// grow makes p n long, in its own memory where that is large enough; what it holds is
// no longer of use.
func grow[T any](p []T, n int) []T {
	if cap(p) < n {
		return make([]T, n)
	}
	return p[:n]
}
