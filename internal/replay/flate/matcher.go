package flate

import (
	"encoding/binary"
	"sync"
)

// A matcher foretells what an encoder finds: it keeps chains of the places that
// begin alike, as the zlib family does.
type matcher struct {
	*encoder
	win     *window
	min     int
	maxDist uint32
	*tables
	head    []uint32 // the last place of each hash, in heads
	next    int64    // the first place that is not in the chains
	goBase  int64    // where the window of Go's encoder begins
	ahead   found    // what was found at aheadAt while looking at the place before
	aheadAt int64
	front   [maxMatch]found // see candidates
}

// A link of a chain: the place before that begins alike, and how many there were.
// The difference of two nth of one chain is how many links they are apart.
type link struct{ prev, nth uint32 }

// found is a match; dist is 0 where there is none.
type found struct{ length, dist int }

// tables are what is large in a matcher; most streams are small, so they are used again.
type tables struct {
	heads  [1 << goBits]uint32
	chains [windowSize]link // by the low bits of the place
}

var spare = sync.Pool{New: func() any { return new(tables) }}

// Places in the chains are counted from here, so that 0 is far from all.
const origin = 1 << 16

func newMatcher(e *encoder, w *window) *matcher {
	m := &matcher{encoder: e, win: w, min: minMatch, maxDist: zlibDist, aheadAt: -1, tables: spare.Get().(*tables)}
	if e.quad {
		m.min, m.maxDist = 4, windowSize
		m.head = m.heads[:]
	} else {
		m.next = 1 // zlib never finds the first byte
		m.head = m.heads[:1<<e.hashBits]
	}
	clear(m.head)
	clear(m.chains[:])
	return m
}

// release ends the use of m.
func (m *matcher) release() { spare.Put(m.tables) }

// Go's hash of four bytes.
const (
	goHash = 0x1e35a7bd
	goBits = 17
)

// enter puts the places before upto into the chains. The window holds them.
func (m *matcher) enter(upto int64) {
	to := min(upto, m.win.size-int64(m.min)+1)
	if m.next >= to {
		m.next = max(m.next, upto)
		return
	}
	b := m.win.buf[m.next-m.win.base : to-m.win.base+int64(m.min)]
	here := uint32(m.next) + origin
	head, chains := m.head, &m.chains
	switch {
	case m.quad:
		for i := 0; i+4 < len(b); i++ {
			h := binary.BigEndian.Uint32(b[i:]) * goHash >> (32 - goBits)
			last := head[h]
			chains[here%windowSize] = link{last, chains[last%windowSize].nth + 1}
			head[h] = here
			here++
		}
	default:
		shift := (m.hashBits + 2) / 3
		mask := uint32(len(head) - 1)
		h := uint32(b[0])<<shift ^ uint32(b[1])
		for _, v := range b[2 : len(b)-1] {
			h = (h<<shift ^ uint32(v)) & mask
			last := head[h]
			chains[here%windowSize] = link{last, chains[last%windowSize].nth + 1}
			head[h] = here
			here++
		}
	}
	m.next = upto
}

// skip leaves out the places before upto, all but those that a match can reach.
func (m *matcher) skip(upto int64) { m.next = max(m.next, upto-windowSize) }

// hash is where the chain of what is at i of the window begins.
func (m *matcher) hash(i int) uint32 {
	b := m.win.buf[i : i+4]
	if m.quad {
		return binary.BigEndian.Uint32(b) * goHash >> (32 - goBits)
	}
	shift := (m.hashBits + 2) / 3
	return (uint32(b[0])<<(2*shift) ^ uint32(b[1])<<shift ^ uint32(b[2])) & uint32(len(m.head)-1)
}

// first is the candidate of pos that is nearest.
func (m *matcher) first(pos int64) uint32 {
	m.skip(pos)
	m.enter(pos + 1)
	if pos+int64(m.min) > m.win.size || pos == 0 {
		return 0
	}
	return m.chains[(uint32(pos)+origin)%windowSize].prev
}

// reach is the greatest distance that is looked at from pos.
func (m *matcher) reach(pos int64) uint32 {
	if !m.quad {
		return m.maxDist
	}
	for pos-m.goBase >= 2*windowSize-maxMatch-4+1 {
		m.goBase += windowSize
	}
	return uint32(min(pos-m.goBase, windowSize))
}

// foretell is the token that the encoder makes at pos.
func (m *matcher) foretell(pos int64) token {
	cur := m.ahead
	if m.aheadAt != pos {
		cur = m.find(pos, m.min-1, m.chain)
	}
	if cur.dist == 0 {
		return literal
	}
	if m.greedy || cur.length >= m.lazy {
		return match(cur.length, cur.dist)
	}
	best, chain := cur.length, m.chain
	if m.quad {
		best = m.min - 1
	} else if best >= m.good {
		chain >>= 2
	}
	if then := m.find(pos+1, best, chain); then.length > cur.length {
		m.ahead, m.aheadAt = then, pos+1
		return literal
	}
	return match(cur.length, cur.dist)
}

// took tells the matcher what the encoder made at pos.
func (m *matcher) took(t token, pos int64) {
	n := int64(t.length())
	if m.greedy && t.isMatch() && t.length() > m.lazy {
		m.enter(pos + 1)
		m.next = max(m.next, pos+n)
		return
	}
	m.enter(pos + n)
}

// frontSteps is how many candidates are looked at where the encoder took another
// match than was foretold.
const frontSteps = 1024

// candidates are the matches at pos, nearest first; front are those of them
// that are longer than all before.
func (m *matcher) candidates(pos int64, into []found) (all, front []found) {
	limit := int(min(maxMatch, m.win.size-pos))
	here, cand := uint32(pos)+origin, m.first(pos)
	i, b := int(pos-m.win.base), m.win.buf[:]
	front = m.front[:0]
	best := minMatch - 1
	for last := uint32(0); len(into) < cap(into); {
		dist := here - cand
		if dist > windowSize || dist <= last {
			break
		}
		if n := same(b, i-int(dist), i, limit); n >= minMatch {
			into = append(into, found{n, int(dist)})
			if n > best {
				best = n
				front = append(front, found{n, int(dist)})
			}
		}
		cand, last = m.chains[cand%windowSize].prev, dist
	}
	return into, front
}
