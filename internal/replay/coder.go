// Package replay is what the replays of all compressions share: an adaptive
// binary range coder, by which a model tells a decision in next to nothing
// where it foresaw it.
package replay

import (
	"bufio"
	"io"
	"math/bits"
)

// A Coder writes decisions or reads them back, as it was made. A model is
// written once for both: every method is given the value and returns it; what a
// decoder is given does not matter. Errors stick, and values after one are
// zeros: ask Err where a loop could go on.
type Coder struct {
	rng uint32
	err error

	// Of an encoder. cache and the pending 0xff bytes behind it wait for a
	// carry out of low.
	w       *bufio.Writer
	low     uint64
	cache   byte
	pending int64
	begun   bool

	// Of a decoder.
	r    io.ByteReader
	code uint32
}

const (
	probBits = 16
	minRange = 1 << 24
)

// NewEncoder makes a Coder that writes to w. Close ends it.
func NewEncoder(w io.Writer) *Coder {
	return &Coder{rng: 1<<32 - 1, w: bufio.NewWriter(w)}
}

// NewDecoder makes a Coder that reads what an encoder wrote, and no byte more
// where r is an io.ByteReader.
func NewDecoder(r io.Reader) *Coder {
	br, ok := r.(io.ByteReader)
	if !ok {
		br = bufio.NewReader(r)
	}
	c := &Coder{rng: 1<<32 - 1, r: br}
	for range 4 {
		c.code = c.code<<8 | uint32(c.next())
	}
	return c
}

// A Prob is what was learnt of one decision: how likely it is 0, by the mean of
// a quick learner and a slow one. Both are off by a half, so that the zero Prob
// is even odds.
type Prob struct{ quick, slow int16 }

const quickRate, slowRate = 4, 7

// Seldom is a Prob that has learnt before that a 1 is 1 in 128.
var Seldom = Prob{1<<15 - 1<<9, 1<<15 - 1<<9}

// zero is the odds of 0, of 1<<probBits; neither 0 nor all.
func (p *Prob) zero() uint32 {
	return uint32(1<<(probBits-1) + (int32(p.quick)+int32(p.slow))>>1)
}

func (p *Prob) learn0() {
	const top = 1<<15 - 1
	p.quick += int16((top - int32(p.quick)) >> quickRate)
	p.slow += int16((top - int32(p.slow)) >> slowRate)
}

func (p *Prob) learn1() {
	const bottom = -1 << 15
	p.quick -= int16((int32(p.quick) - bottom) >> quickRate)
	p.slow -= int16((int32(p.slow) - bottom) >> slowRate)
}

// Bit codes one decision, 0 or 1, and learns from it.
func (c *Coder) Bit(p *Prob, bit uint32) uint32 {
	bound := (c.rng >> probBits) * p.zero()
	if c.r != nil {
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
		p.learn0()
	} else {
		c.rng -= bound
		p.learn1()
	}
	c.normalize()
	return bit
}

// Bool is Bit of a bool.
func (c *Coder) Bool(p *Prob, v bool) bool {
	var bit uint32
	if v {
		bit = 1
	}
	return c.Bit(p, bit) != 0
}

// Tree codes a number below 1<<n, most significant bit first, each bit in the
// context of those before it. t holds 1<<n of Prob.
func (c *Coder) Tree(t []Prob, n int, v uint32) uint32 {
	node := uint32(1)
	for i := n - 1; i >= 0; i-- {
		node = node<<1 | c.Bit(&t[node], v>>i&1)
	}
	return node - 1<<n
}

// Raw codes the n low bits of v, which nothing foretells.
func (c *Coder) Raw(n int, v uint64) uint64 {
	var out uint64
	for i := n - 1; i >= 0; i-- {
		c.rng >>= 1
		bit := v >> i & 1
		if c.r != nil {
			bit = 0
			if c.code >= c.rng {
				bit = 1
				c.code -= c.rng
			}
		} else if bit != 0 {
			c.low += uint64(c.rng)
		}
		out = out<<1 | bit
		c.normalize()
	}
	return out
}

// Numbers is what was learnt of numbers of any size: how many bits they have,
// and the first two below the top one.
type Numbers struct {
	length [64]Prob
	top    [64][4]Prob
}

// Number codes a number below 1<<63, small ones in fewer bits.
func (c *Coder) Number(m *Numbers, v uint64) uint64 {
	n := int(c.Tree(m.length[:], 6, uint32(bits.Len64(v))))
	if n < 2 {
		return uint64(n)
	}
	out, below := uint64(1), n-1
	lead := min(below, 2)
	below -= lead
	out = out<<lead | uint64(c.Tree(m.top[n][:], lead, uint32(v>>below)&(1<<lead-1)))
	return out<<below | c.Raw(below, v&(1<<below-1))
}

func (c *Coder) normalize() {
	for c.rng < minRange {
		c.rng <<= 8
		if c.r != nil {
			c.code = c.code<<8 | uint32(c.next())
		} else {
			c.shift()
		}
	}
}

func (c *Coder) next() byte {
	b, err := c.r.ReadByte()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && c.err == nil {
		c.err = err
	}
	return b
}

// shift moves the top byte out of low, once no carry can reach it any more.
func (c *Coder) shift() {
	if c.low < 0xff<<24 || c.low >= 1<<32 {
		carry := byte(c.low >> 32)
		if c.begun {
			c.put(c.cache + carry)
		}
		for ; c.pending > 0; c.pending-- {
			c.put(0xff + carry)
		}
		c.cache, c.begun = byte(c.low>>24), true
	} else {
		c.pending++
	}
	c.low = c.low & (1<<24 - 1) << 8
}

func (c *Coder) put(b byte) {
	if err := c.w.WriteByte(b); err != nil && c.err == nil {
		c.err = err
	}
}

// Err is the first error of reading or writing; io.ErrUnexpectedEOF where a
// decoder wanted more than there is.
func (c *Coder) Err() error { return c.err }

// Close writes what an encoder still holds. It returns Err.
func (c *Coder) Close() error {
	if c.r != nil {
		return c.err
	}
	for range 5 {
		c.shift()
	}
	if err := c.w.Flush(); err != nil && c.err == nil {
		c.err = err
	}
	return c.err
}
