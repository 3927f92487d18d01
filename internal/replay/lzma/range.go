package lzma

import "encoding/binary"

// LZMA's probabilities are odds of 0 out of 1<<probBits.
const (
	probBits = 11
	probHalf = 1 << (probBits - 1)
	probRate = 5
	minRange = 1 << 24
)

// overshoot is more than what one decision can take from the input: the decoder
// looks once a decision whether the input has ended, and not once a byte.
const overshoot = 64

// A rangeCoder is LZMA's own entropy coder, over one chunk. Its methods are
// given a value and return it: a reading one does not look at what it is given.
type rangeCoder struct {
	reading bool
	rng     uint32

	code uint32
	in   []byte // the chunk and overshoot more bytes
	next int    // in in

	low     uint64
	cache   byte
	pending int // bytes from cache on that wait for a carry
	out     []byte
}

// read starts on a chunk, whose overshoot bytes lie behind it.
func (c *rangeCoder) read(chunk []byte) (ok bool) {
	*c = rangeCoder{reading: true, rng: 1<<32 - 1, in: chunk, next: 5}
	c.code = binary.BigEndian.Uint32(chunk[1:])
	return chunk[0] == 0
}

// write starts a chunk anew.
func (c *rangeCoder) write() {
	*c = rangeCoder{rng: 1<<32 - 1, pending: 1, out: c.out[:0]}
}

// finish writes out what is still in low.
func (c *rangeCoder) finish() {
	for range 5 {
		c.shift()
	}
}

func (c *rangeCoder) bit(p *uint16, bit uint32) uint32 {
	odds := uint32(*p)
	bound := (c.rng >> probBits) * odds
	if c.reading {
		bit = 0
		if c.code >= bound {
			bit = 1
			c.code -= bound
		}
	} else if bit != 0 {
		c.low += uint64(bound)
	}
	if bit == 0 {
		c.rng = bound
		*p = uint16(odds + (1<<probBits-odds)>>probRate)
	} else {
		c.rng -= bound
		*p = uint16(odds - odds>>probRate)
	}
	if c.rng < minRange {
		c.normalize()
	}
	return bit
}

func (c *rangeCoder) normalize() {
	c.rng <<= 8
	if c.reading {
		c.code = c.code<<8 | uint32(c.in[c.next])
		c.next++
	} else {
		c.shift()
	}
}

// shift moves the top byte out of low, once no carry can reach it any more.
func (c *rangeCoder) shift() {
	if c.low < 0xff<<24 || c.low >= 1<<32 {
		carry := byte(c.low >> 32)
		c.out = append(c.out, c.cache+carry)
		for ; c.pending > 1; c.pending-- {
			c.out = append(c.out, 0xff+carry)
		}
		c.pending = 0
		c.cache = byte(c.low >> 24)
	}
	c.pending++
	c.low = c.low & (1<<24 - 1) << 8
}

// tree codes n bits, the top one first.
func (c *rangeCoder) tree(p []uint16, n int, v uint32) uint32 {
	node := uint32(1)
	for i := n - 1; i >= 0; i-- {
		node = node<<1 | c.bit(&p[node], v>>i&1)
	}
	return node - 1<<n
}

// reverse codes n bits, the lowest first.
func (c *rangeCoder) reverse(p []uint16, n int, v uint32) uint32 {
	node, out := uint32(1), uint32(0)
	for i := range n {
		bit := c.bit(&p[node], v>>i&1)
		node = node<<1 | bit
		out |= bit << i
	}
	return out
}

// direct codes n bits at even odds.
func (c *rangeCoder) direct(n int, v uint32) uint32 {
	out := uint32(0)
	for i := n - 1; i >= 0; i-- {
		c.rng >>= 1
		bit := v >> i & 1
		if c.reading {
			bit = 0
			if c.code >= c.rng {
				bit = 1
				c.code -= c.rng
			}
		} else if bit != 0 {
			c.low += uint64(c.rng)
		}
		out = out<<1 | bit
		if c.rng < minRange {
			c.normalize()
		}
	}
	return out
}
