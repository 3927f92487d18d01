package patch

import "math/bits"

// blocks is an index of the whole old content, by what is in each of its
// blocks of one size.
type blocks struct {
	size  int
	shift uint
	// Per slot: the block's number plus one, below 32 bits of its hash; 0 is
	// none. Where two blocks want a slot, the first has it.
	table []uint64
}

const (
	minBlock = 16
	// maxBlocks bounds the table to 128 MiB.
	maxBlocks = 1 << 24
	// reading is how much is read at once.
	reading = 256 << 10
)

func indexBlocks(old Content) (*blocks, error) {
	x := &blocks{size: minBlock}
	for old.Size()/int64(x.size) > maxBlocks {
		x.size *= 2
	}
	n := min(max(8, bits.Len64(uint64(old.Size()/int64(x.size)))), bits.Len(maxBlocks-1))
	x.shift, x.table = uint(64-n), make([]uint64, 1<<n)
	buf := make([]byte, max(reading, x.size))
	for off := int64(0); off+int64(x.size) <= old.Size(); {
		n := min(int64(len(buf)), old.Size()-off) / int64(x.size) * int64(x.size)
		if err := readFull(old, buf[:n], off); err != nil {
			return nil, err
		}
		for p := buf[:n]; len(p) > 0; p = p[x.size:] {
			if h, ok := x.hash(p); ok && x.table[h>>x.shift] == 0 {
				x.table[h>>x.shift] = h<<32 | uint64(off/int64(x.size)+1)
			}
			off += int64(x.size)
		}
	}
	return x, nil
}

// lookUp tells where in the old content a block is that is likely equal to the start of p.
func (x *blocks) lookUp(p []byte) (off int64, ok bool) {
	h, ok := x.hash(p)
	if !ok {
		return 0, false
	}
	e := x.table[h>>x.shift]
	if e == 0 || e>>32 != h<<32>>32 {
		return 0, false
	}
	return int64(e&(1<<32-1)-1) * int64(x.size), true
}

// hash is of the block at the start of p. Blocks of one repeated word, of which
// there are many everywhere, are not ok.
func (x *blocks) hash(p []byte) (h uint64, ok bool) {
	first := word(p, 0)
	h = first
	for i := 8; i < x.size; i += 8 {
		v := word(p, i)
		ok = ok || v != first
		h = bits.RotateLeft64(hash(h), 29) ^ v
	}
	h = hash(h)
	return h ^ h>>32, ok
}
