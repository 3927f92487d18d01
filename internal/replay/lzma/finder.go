package lzma

import "encoding/binary"

// A finder finds where the bytes to come were before, as encoders do: for each
// length the nearest place. It knows what its window keeps.
type finder struct {
	w    *window
	next int64 // the first place of the content that is not in the tables yet

	by2    []uint32
	tables [len(lengthsHashed)][]uint32

	found []candidate
}

var lengthsHashed = [...]int{3, 4, 6, 8, 12}
var bitsOf = [...]int{15, 16, 16, 16, 20}

// A candidate is that so many bytes to come were at a distance.
type candidate struct {
	len  uint16
	dist uint32
}

const (
	tableBits = 16
	hashed    = 16 // bytes that a place needs behind it to be known
)

func newFinder(w *window) *finder {
	f := &finder{w: w, by2: make([]uint32, 1<<16)}
	for i := range f.tables {
		f.tables[i] = make([]uint32, 1<<bitsOf[i])
	}
	return f
}

const golden = 0x9e3779b97f4a7c15

func slotOf(v, u uint64, n, tb int) uint64 {
	if n <= 8 {
		return v << (64 - 8*n) * golden >> (64 - tb)
	}
	return (v*golden ^ u<<(128-8*n)) * golden >> (64 - tb)
}

// insert notes all places before the present one.
func (f *finder) insert() {
	w := f.w
	i := max(int(f.next-w.base), 0)
	for ; i < w.at && i+hashed <= w.end; i++ {
		b := w.buf[i : i+hashed]
		pos := uint32(w.base + int64(i))
		v, u := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		f.by2[uint16(v)] = pos
		for k, n := range lengthsHashed {
			f.tables[k][slotOf(v, u, n, bitsOf[k])] = pos
		}
	}
	f.next = w.base + int64(i)
}

// find gives candidates of more and more bytes, up to most bytes and no
// farther than limit.
func (f *finder) find(most int, limit int64) []candidate {
	f.insert()
	w := f.w
	f.found = f.found[:0]
	if w.at+hashed > w.end || most < minMatch {
		return nil
	}
	b := w.buf[w.at : w.at+hashed]
	pos := uint32(w.pos())
	limit = min(limit, int64(w.at))
	v, u := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	f.try(pos-f.by2[uint16(v)], most, limit)
	for k, n := range lengthsHashed {
		f.try(pos-f.tables[k][slotOf(v, u, n, bitsOf[k])], most, limit)
	}
	return f.found
}

// try adds a candidate if it is longer than the longest before. It returns the
// longest length.
func (f *finder) try(dist uint32, most int, limit int64) int {
	best := 1
	if n := len(f.found); n > 0 {
		best = int(f.found[n-1].len)
	}
	if dist == 0 || int64(dist) > limit || best >= most {
		return best
	}
	w := f.w
	from := w.at - int(dist)
	if w.buf[from+best] != w.buf[w.at+best] {
		return best
	}
	if n := common(w.buf[from:from+most], w.buf[w.at:w.at+most]); n > best {
		f.found = append(f.found, candidate{uint16(n), dist})
		return n
	}
	return best
}
