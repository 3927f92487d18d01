package dcz

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// parser takes content apart: into what it repeats of the dictionary, or of itself, and
// what is new. Where content is a later state of the dictionary nearly all of it goes on
// where the last repetition ended, or starts again not far from there.
type parser struct {
	dictionary, content []byte
	rep                 repeats
	diagonal            int    // the distance of the last long repetition of the dictionary
	beside              *chain // the dictionary around where it goes on
	lately              *chain // the content just passed
	far                 far    // all of the dictionary
}

// sequence is some new bytes and a repetition that follows them, at a distance that
// counts from where it stands: back through the content and then through the dictionary.
type sequence struct{ literals, length, distance int }

const (
	// besideReach is how far from where it should go on the dictionary is searched: some
	// entries of an index that were added or left out.
	besideReach = 8 << 10
	latelyReach = 256 << 10
	// What a new byte costs, and a repetition at a distance that was used last, in bits.
	// One at another distance costs that as a number besides.
	literalBits  = 6
	sequenceBits = 22
	// enough is a repetition that no other is looked for in place of.
	enough = 48
	// minLength is the least that is looked at.
	minLength = 4
	// long is a repetition that tells where the dictionary goes on.
	long = 32
)

func newParser(dictionary, content []byte) *parser {
	return &parser{
		dictionary: dictionary, content: content, rep: firstRepeats, diagonal: len(dictionary),
		beside: newChain(dictionary, 2*besideReach), lately: newChain(content, latelyReach), far: newFar(dictionary),
	}
}

// found is a repetition and what it spares.
type found struct {
	at, length, distance int
	gain                 int // bits
}

// parse gives the sequences of content[start:end], after which come new bytes only.
func (p *parser) parse(start, end int) (list []sequence) {
	anchor, at := start, start
	if start > 0 {
		// A repetition that goes on from the last block costs less behind a new byte:
		// only there the last distance can be named shortly.
		at++
	}
	for at < end-minLength {
		m := p.best(at, anchor, end)
		if m.gain <= 0 {
			at += 1 + (at-anchor)>>8 // what has nothing in common goes by quickly
			continue
		}
		if m.length < enough {
			if next := p.best(at+1, anchor, end); next.gain > m.gain+literalBits {
				m = next
			}
		}
		s := sequence{m.at - anchor, m.length, m.distance}
		p.rep.use(s)
		if m.length >= long && m.distance > m.at {
			p.diagonal = m.distance
		}
		list = append(list, s)
		at = m.at + m.length
		anchor = at
	}
	return list
}

// best is the repetition at a place that spares most.
func (p *parser) best(at, anchor, end int) (m found) {
	if at+minLength > end {
		return m
	}
	for _, distance := range p.rep {
		p.improve(&m, at, at, end, distance, sequenceBits)
	}
	if m.length >= enough || at+chainKey > end {
		return m
	}
	try := func(distance int) {
		p.improve(&m, at, anchor, end, distance, sequenceBits+bits.Len(uint(distance)))
	}
	if on := len(p.dictionary) - p.diagonal + at; on >= 0 && on < len(p.dictionary) {
		p.beside.index(on-besideReach, on+besideReach)
		p.beside.each(p.content[at:], func(old int) { try(len(p.dictionary) - old + at) })
	}
	p.lately.index(at-latelyReach, at)
	p.lately.each(p.content[at:], func(old int) { try(at - old) })
	if old, ok := p.far.find(p.content[at:end]); ok {
		try(len(p.dictionary) - old + at)
	}
	return m
}

// improve looks at the repetition at one distance, which may reach back to anchor.
func (p *parser) improve(m *found, at, anchor, end, distance, cost int) {
	if distance <= 0 || distance > at+len(p.dictionary) {
		return
	}
	from, old := p.content, at-distance
	if old < 0 {
		from, old = p.dictionary, old+len(p.dictionary)
	}
	length := common(from[old:], p.content[at:end])
	if length < minLength {
		return
	}
	for at > anchor && old > 0 && from[old-1] == p.content[at-1] {
		at, old, length = at-1, old-1, length+1
	}
	if gain := length*literalBits - cost; gain > m.gain {
		*m = found{at, length, distance, gain}
	}
}

// common is how many bytes a and b begin with alike.
func common(a, b []byte) (n int) {
	most := min(len(a), len(b))
	for ; n+8 <= most; n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

// repeats are the distances used last, which zstd names shortly (RFC 8878, 3.1.1.5).
type repeats [3]int

var firstRepeats = repeats{1, 4, 8}

// use notes a sequence, and tells the number that stands for its distance.
func (r *repeats) use(s sequence) (number int) {
	d, named := s.distance, [4]int{r[0], r[1], r[2], r[0] - 1}
	first := 0
	if s.literals == 0 { // the last distance would have made one repetition of two
		first = 1
	}
	which := slices.Index(named[first:first+len(r)], d) + first
	switch {
	case which < first: // none of them
		number, *r = d+len(r), repeats{d, r[0], r[1]}
	case which == 0:
		number = 1
	case which == 1:
		number, *r = which-first+1, repeats{d, r[0], r[2]}
	default:
		number, *r = which-first+1, repeats{d, r[0], r[1]}
	}
	return number
}
