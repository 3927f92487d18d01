package lzma

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A far index tells for four bytes in which blocks of the window they are: a
// bit a block and hash. It costs a byte for each of the window's, where a table of
// places costs four and more; a block that may hold what is looked for is
// searched.
type far struct {
	w      *window
	next   int64 // the first place of the content that is not noted yet
	groups [keep>>groupBits + 1][][2]uint64
	scans  int64 // blocks searched
}

const (
	blockBits = 12
	groupBits = blockBits + 6
	gram      = 4
	gramBits  = 15
	// One block is searched for so many bytes of content: what is packed cannot
	// make a search of each byte.
	perScan = 1
)

func newFar(w *window) *far {
	f := &far{w: w}
	for i := range f.groups {
		f.groups[i] = make([][2]uint64, 1<<gramBits)
	}
	return f
}

func gramHash(b []byte) uint32 {
	return binary.LittleEndian.Uint32(b) * 0x9e3779b1 >> (32 - gramBits)
}

func longHash(b []byte) uint64 {
	return binary.LittleEndian.Uint64(b) << 16 * golden >> (64 - gramBits)
}

func (f *far) insert() {
	w := f.w
	i := max(int(f.next-w.base), 0)
	for i < w.at && i+8 <= w.end {
		pos := w.base + int64(i)
		g := f.groups[pos>>groupBits%int64(len(f.groups))]
		if pos&(1<<groupBits-1) == 0 {
			clear(g)
		}
		bit := uint64(1) << (pos >> blockBits & 63)
		stop := min(i+1<<blockBits-int(pos&(1<<blockBits-1)), w.at, w.end-8+1)
		for ; i < stop; i++ {
			g[gramHash(w.buf[i:])][0] |= bit
			g[longHash(w.buf[i:i+8])][1] |= bit
		}
	}
	f.next = w.base + int64(i)
}

// nearest is the distance at which the next n bytes were last, up to limit; 0
// where they were not, or it is not known.
func (f *far) nearest(n int, limit int64) uint32 {
	f.insert()
	w := f.w
	if n < gram || f.scans*perScan > w.pos() {
		return 0
	}
	next := w.buf[w.at : w.at+n]
	var hs [8]uint32
	k := 0
	if n < 8 || w.at+n+2 > w.end {
		for i := 0; i+gram <= n && k < 4; i++ {
			hs[k] = gramHash(next[i:]) << 1
			k++
		}
	}
	if n >= 6 && w.at+n+2 <= w.end {
		x := w.buf[w.at : w.at+n+2]
		m := min(n-5, 6)
		for i := range m {
			o := 0
			if m > 1 {
				o = i * (n - 6) / (m - 1)
			}
			if k < len(hs) {
				hs[k] = uint32(longHash(x[o:]))<<1 | 1
				k++
			}
		}
	}
	grams := hs[1:k]
	low := max(w.pos()-min(limit, int64(w.at)), 0)
	for k := w.pos() >> groupBits; k >= low>>groupBits; k-- {
		g := f.groups[k%int64(len(f.groups))]
		m := g[hs[0]>>1][hs[0]&1]
		for _, h := range grams {
			v := g[h>>1][h&1]
			m &= v | v>>1 | 1<<63
		}
		for m != 0 {
			b := bits.Len64(m) - 1
			m &^= 1 << b
			from := k<<groupBits + int64(b)<<blockBits
			if from+1<<blockBits <= low {
				return 0 // so are all blocks before it
			}
			if from >= w.pos() {
				continue // noted when the group was another's
			}
			if i := f.search(max(from, low), min(from+1<<blockBits, w.pos()), next); i >= 0 {
				return uint32(w.pos() - i)
			}
			if f.scans*perScan > w.pos() {
				return 0
			}
		}
	}
	return 0
}

// search is the last place from low up to high that next begins at; -1 where there is
// none. Looking forwards is what machines are fast at, and there are seldom many.
func (f *far) search(low, high int64, next []byte) int64 {
	f.scans++
	w := f.w
	b := w.buf[low-w.base : high-w.base+int64(len(next))-1]
	last := -1
	for at := 0; ; {
		i := bytes.Index(b[at:], next)
		if i < 0 {
			break
		}
		last = at + i
		at = last + 1
	}
	if last < 0 {
		return -1
	}
	return low + int64(last)
}
