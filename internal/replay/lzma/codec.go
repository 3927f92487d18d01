package lzma

import "math/bits"

// A kind is what LZMA can decide on at a place.
type kind uint8

const (
	literal  kind = iota
	shortRep      // one byte, from the last distance
	rep0          // several bytes, from the last distance
	rep1          // from the one before, and so on
	rep2
	rep3
	match // from a new distance
	kinds
)

const (
	minMatch = 2
	maxMatch = 273
)

// A decision is one step of an encoder. dist is from 1 on, of literals 0.
type decision struct {
	kind kind
	len  uint16
	dist uint32
}

// recent is the last four distances, the last one first.
type recent [4]uint32

var firstRecent = recent{1, 1, 1, 1}

func (r *recent) take(d decision) {
	switch d.kind {
	case literal, shortRep, rep0:
	case rep1:
		r[0], r[1] = r[1], r[0]
	case rep2:
		r[0], r[1], r[2] = r[2], r[0], r[1]
	case rep3:
		r[0], r[1], r[2], r[3] = r[3], r[0], r[1], r[2]
	case match:
		r[0], r[1], r[2], r[3] = d.dist, r[0], r[1], r[2]
	}
}

// after is the state that follows a state upon each kind. States below
// matchStates come after a literal.
var after = func() (t [states][kinds]uint8) {
	for s := range uint8(states) {
		switch {
		case s < 4:
		case s < 10:
			t[s][literal] = s - 3
		default:
			t[s][literal] = s - 6
		}
		t[s][match], t[s][rep0], t[s][shortRep] = 7, 8, 9
		if s >= matchStates {
			t[s][match], t[s][rep0], t[s][shortRep] = 10, 11, 11
		}
		for k := rep1; k <= rep3; k++ {
			t[s][k] = t[s][rep0]
		}
	}
	return t
}()

const (
	states      = 12
	matchStates = 7
	maxPosBits  = 4
)

// props are an encoder's three parameters: how many bits of the byte before,
// and of the position, choose a literal's probabilities, and how many of the
// position choose the others'.
type props struct{ lc, lp, pb uint8 }

func parseProps(b byte) (p props, ok bool) {
	p = props{lc: b % 9, lp: b / 9 % 5, pb: b / 45}
	return p, p.pb <= maxPosBits && p.lc+p.lp <= 4
}

func (p props) byte() byte { return (p.pb*5+p.lp)*9 + p.lc }

// A codec is LZMA's model, and the coder that it drives: it takes decisions to
// bits, or bits to decisions.
type codec struct {
	rc rangeCoder
	props
	state  uint8
	recent recent

	isMatch, isRep0Long           [states][1 << maxPosBits]uint16
	isRep, isRep0, isRep1, isRep2 [states]uint16
	slot                          [4][64]uint16
	special                       [128]uint16
	align                         [16]uint16
	matchLen, repLen              lengths
	literals                      [][0x300]uint16
}

type lengths struct {
	choice   [2]uint16
	low, mid [1 << maxPosBits][8]uint16
	high     [256]uint16
}

func half(ps []uint16) {
	for i := range ps {
		ps[i] = probHalf
	}
}

func (l *lengths) reset() {
	half(l.choice[:])
	for i := range l.low {
		half(l.low[i][:])
		half(l.mid[i][:])
	}
	half(l.high[:])
}

// reset forgets all that was learnt.
func (c *codec) reset() {
	c.state, c.recent = 0, firstRecent
	for s := range states {
		half(c.isMatch[s][:])
		half(c.isRep0Long[s][:])
	}
	for _, ps := range [][]uint16{c.isRep[:], c.isRep0[:], c.isRep1[:], c.isRep2[:], c.special[:], c.align[:]} {
		half(ps)
	}
	for i := range c.slot {
		half(c.slot[i][:])
	}
	c.matchLen.reset()
	c.repLen.reset()
	if n := 1 << (c.lc + c.lp); len(c.literals) != n {
		c.literals = make([][0x300]uint16, n)
	}
	for i := range c.literals {
		half(c.literals[i][:])
	}
}

// decide codes one decision, at pos since the dictionary began; a match's
// distance is not checked.
func (c *codec) decide(d decision, w *window, pos int64) decision {
	ps := pos & (1<<c.pb - 1)
	if c.rc.bit(&c.isMatch[c.state][ps], flag(d.kind != literal)) == 0 {
		d = decision{kind: literal, len: 1}
		c.literal(w, pos)
	} else if c.rc.bit(&c.isRep[c.state], flag(d.kind != match)) == 0 {
		d.kind = match
		d.len = c.length(&c.matchLen, ps, d.len)
		d.dist = c.distance(d.len, d.dist)
	} else {
		d = c.rep(d, ps)
	}
	c.state = after[c.state][d.kind]
	c.recent.take(d)
	return d
}

func flag(v bool) uint32 {
	if v {
		return 1
	}
	return 0
}

func (c *codec) rep(d decision, ps int64) decision {
	s := c.state
	if c.rc.bit(&c.isRep0[s], flag(d.kind > rep0)) == 0 {
		d.dist = c.recent[0]
		if c.rc.bit(&c.isRep0Long[s][ps], flag(d.kind == rep0)) == 0 {
			d.kind, d.len = shortRep, 1
			return d
		}
		d.kind = rep0
	} else if c.rc.bit(&c.isRep1[s], flag(d.kind > rep1)) == 0 {
		d.kind, d.dist = rep1, c.recent[1]
	} else if c.rc.bit(&c.isRep2[s], flag(d.kind > rep2)) == 0 {
		d.kind, d.dist = rep2, c.recent[2]
	} else {
		d.kind, d.dist = rep3, c.recent[3]
	}
	d.len = c.length(&c.repLen, ps, d.len)
	return d
}

// literal codes the byte at w's place, or sets it.
func (c *codec) literal(w *window, pos int64) {
	before := byte(0)
	if pos > 0 {
		before = w.buf[w.at-1]
	}
	p := &c.literals[(uint8(pos)&(1<<c.lp-1))<<c.lc|before>>(8-c.lc)]
	node, sym := uint32(1), uint32(w.buf[w.at])
	if c.state < matchStates {
		sym = c.rc.tree(p[:], 8, sym)
	} else {
		// The byte at the last distance chooses too, until it is not this one.
		like, same := uint32(w.back(c.recent[0])), uint32(0x100)
		for i := 7; i >= 0; i-- {
			like <<= 1
			bit := c.rc.bit(&p[same+like&same+node], sym>>i&1)
			node = node<<1 | bit
			same &= ^(like ^ -bit)
		}
		sym = node - 1<<8
	}
	w.buf[w.at] = byte(sym)
}

func (c *codec) length(l *lengths, ps int64, n uint16) uint16 {
	v := uint32(n - minMatch)
	if c.rc.bit(&l.choice[0], flag(v >= 8)) == 0 {
		v = c.rc.tree(l.low[ps][:], 3, v)
	} else if c.rc.bit(&l.choice[1], flag(v >= 16)) == 0 {
		v = 8 + c.rc.tree(l.mid[ps][:], 3, v-8)
	} else {
		v = 16 + c.rc.tree(l.high[:], 8, v-16)
	}
	return uint16(v) + minMatch
}

// distance codes a distance of 1 up to 1<<32-1; 0 stands for 1<<32, LZMA's mark
// of the end.
func (c *codec) distance(n uint16, dist uint32) uint32 {
	v := dist - 1
	slot := v
	if v >= 4 {
		top := bits.Len32(v) - 1
		slot = uint32(top<<1) | v>>(top-1)&1
	}
	slot = c.rc.tree(c.slot[min(n-minMatch, 3)][:], 6, slot)
	if slot < 4 {
		return slot + 1
	}
	below := int(slot>>1) - 1
	base := (2 | slot&1) << below
	if slot < 14 {
		v = base + c.rc.reverse(c.special[base-slot:], below, v-base)
	} else {
		v = base + c.rc.direct(below-4, (v-base)>>4)<<4
		v += c.rc.reverse(c.align[:], 4, (dist-1)&15)
	}
	return v + 1
}
