package dcz

import (
	"encoding/binary"
	"math/bits"
)

const (
	prime = 0x9e3779b185ebca87
	// chainKey is how many bytes must be alike for a chain to find a place.
	chainKey = 8
	// chainMost is how many places are looked at of those with the same key.
	chainMost = 8
)

// chain finds places of a window of some data by the bytes there, the last first.
type chain struct {
	data       []byte
	heads      []int32 // by hash: the last place with it, -1 = none
	before     []int32 // by place, as far as the window: the one before with the same hash
	first, end int     // of what is indexed
	shift      int
}

func newChain(data []byte, window int) *chain {
	size := bits.Len(uint(window - 1))
	c := &chain{data: data, heads: make([]int32, 1<<size), before: make([]int32, 1<<size), shift: 64 - size}
	c.clear(0)
	return c
}

func (c *chain) clear(at int) {
	for i := range c.heads {
		c.heads[i] = -1
	}
	c.first, c.end = at, at
}

func (c *chain) hash(p []byte) uint64 { return binary.LittleEndian.Uint64(p) * prime >> c.shift }

// index moves the window, or lays it elsewhere.
func (c *chain) index(from, to int) {
	from, to = max(from, 0), min(to, len(c.data)-chainKey+1)
	if from > c.end || from < c.first-len(c.before) || to < c.first {
		c.clear(from)
	}
	c.first = max(c.first, from)
	for ; c.end < to; c.end++ {
		h := c.hash(c.data[c.end:])
		c.before[c.end&(len(c.before)-1)] = c.heads[h]
		c.heads[h] = int32(c.end)
	}
}

// each calls fn with places in the window that may begin with the same bytes as p.
func (c *chain) each(p []byte, fn func(place int)) {
	if len(p) < chainKey {
		return
	}
	place := int(c.heads[c.hash(p)])
	for range chainMost {
		if place < c.first || place <= c.end-len(c.before) {
			return
		}
		fn(place)
		next := int(c.before[place&(len(c.before)-1)])
		if next >= place {
			return
		}
		place = next
	}
}

// far finds places of all of the dictionary, of every sixteenth byte: any 31 bytes alike
// hold one of them.
type far struct {
	data   []byte
	places []uint32 // by hash: the number of the place, from 1
	shift  int
}

const farKey = 16

func newFar(data []byte) far {
	size := max(bits.Len(uint(len(data)/farKey)), 4)
	f := far{data: data, places: make([]uint32, 1<<size), shift: 64 - size}
	for at := 0; at+farKey <= len(data); at += farKey {
		f.places[f.hash(data[at:])] = uint32(at/farKey + 1)
	}
	return f
}

func (f far) hash(p []byte) uint64 {
	a, b := binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[8:])
	return (a*prime ^ bits.RotateLeft64(b, 29)) * prime >> f.shift
}

func (f far) find(p []byte) (place int, ok bool) {
	if len(p) < farKey {
		return 0, false
	}
	n := f.places[f.hash(p)]
	return (int(n) - 1) * farKey, n > 0
}
