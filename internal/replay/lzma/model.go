package lzma

import (
	"fmt"
	"math/bits"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// A model tells an encoder's decisions, or is told them, as its coder is made.
// It expects what the old stream did at the same place.
type model struct {
	c      *replay.Coder
	w      *window
	far    *far
	f      *finder
	past   *past
	m      *mapping
	begin  int64 // where the dictionary begins in the content
	dict   int64 // its size
	end    int64 // of the present chunk, in the content
	state  uint8
	recent recent
	hits   uint8 // of the last expectations, the last one lowest

	outer struct {
		check, dict            [1 << 6]replay.Prob
		more, sized, raw       [2]replay.Prob
		reset                  [4]replay.Prob
		props                  [1 << 8]replay.Prob
		size, plain, packed    replay.Numbers
		chunkPlain, headerSize replay.Numbers
	}
	hit     [kinds][16][8]replay.Prob
	kind    [classes][states][4][5][8]replay.Prob
	full    [kinds][16]replay.Prob
	len     [kinds][16][512]replay.Prob
	dist    [4]replay.Numbers
	hinted  [8][8]replay.Prob
	among   [16]replay.Prob
	rank    [16][16]replay.Prob
	nearest [21]replay.Prob
}

// A class is what the old stream had to say where it made no right forecast.
type class uint8

const (
	unknown class = iota // the bytes are new
	unlike               // a match that the new content does not have
	missed               // first of those where the forecast was another
	classes = missed + class(kinds)
)

// window that Pack and Rebuild keep of the content, before the present place.
const keep = 8 << 20

func newModel(c *replay.Coder, content patch.Content, old Old, matches []patch.Match) (*model, error) {
	p, err := newPast(old)
	if err != nil {
		return nil, err
	}
	w := contentWindow(content, keep)
	return &model{c: c, w: w, f: newFinder(w), far: newFar(w), past: p, m: newMapping(matches)}, nil
}

func (m *model) check(c check) check {
	return check(m.c.Tree(m.outer.check[:], 4, uint32(c)))
}

// more codes whether a block follows, or within one a chunk.
func (m *model) more(within int, yes bool) bool {
	return m.c.Bool(&m.outer.more[within], yes)
}

func (m *model) block(h blockHeader) blockHeader {
	o := &m.outer
	h.sized = m.c.Bool(&o.sized[0], h.sized)
	h.content = m.c.Bool(&o.sized[1], h.content)
	h.size = int(m.c.Number(&o.headerSize, uint64(h.size)))
	h.dict = uint8(m.c.Tree(o.dict[:], 6, uint32(h.dict)))
	if h.sized {
		h.packed = m.c.Number(&o.packed, h.packed)
	}
	if h.content {
		h.plain = m.c.Number(&o.plain, h.plain)
	}
	m.dict = h.dictSize()
	return h
}

func (m *model) chunk(c chunk) chunk {
	o := &m.outer
	c.raw = m.c.Bool(&o.raw[0], c.raw)
	c.reset = reset(m.c.Tree(o.reset[:], 2, uint32(c.reset)))
	if !c.raw && c.reset >= resetProps {
		c.props, _ = parseProps(byte(m.c.Tree(o.props[:], 8, uint32(c.props.byte()))))
	}
	c.plain = int(m.c.Number(&o.chunkPlain, uint64(c.plain)))
	m.end = m.w.pos() + int64(c.plain)
	if c.reset == resetDict {
		m.begin = m.w.pos()
	}
	if !c.raw && c.reset != resetNothing {
		m.state, m.recent = 0, firstRecent
	}
	return c
}

// decision codes the decision at the window's place, and leaves that to move
// on. A decision that the content does not allow is an error.
func (m *model) decision(d decision) (decision, error) {
	m.w.fill()
	f, cl := m.expect()
	if cl < missed {
		d = m.other(d, cl)
	} else if n := min(bits.Len16(f.len), 7); m.c.Bool(&m.hit[f.kind][m.hits&15][n], d == f) {
		d = f
		m.hits = m.hits<<1 | 1
	} else {
		m.hits <<= 1
		d = m.other(d, cl)
	}
	if !m.allowed(d) {
		return d, fmt.Errorf("decision at %d: %d of %d bytes at distance %d is not possible", m.w.pos(), d.kind, d.len, d.dist)
	}
	m.state = after[m.state][d.kind]
	m.recent.take(d)
	return d, nil
}

// allowed tells whether the content has what a decision claims.
func (m *model) allowed(d decision) bool {
	pos := m.w.pos()
	left := min(m.end, m.w.size) - pos
	switch {
	case d.kind == literal:
		return left > 0
	case d.kind >= kinds, d.dist < 1, int64(d.dist) > min(pos-m.begin, m.dict):
		return false
	case d.len > maxMatch, d.len < minMatch && d.kind != shortRep, int64(d.len) > left:
		return false
	}
	return m.w.alike(d.dist, int(d.len)) == int(d.len)
}

// expect is what the old stream makes likely.
func (m *model) expect() (f decision, cl class) {
	pos := m.w.pos()
	x, ok := m.m.from(pos)
	if !ok {
		return f, unknown
	}
	q := pos - x.New + x.Old
	s, ok := m.past.at(q)
	if !ok {
		return f, unknown
	}
	if s.kind == literal {
		return decision{kind: literal, len: 1}, missed + class(literal)
	}
	n := s.pos + int64(s.len) - q
	for _, dist := range [2]uint32{m.moved(x, q, pos, s.dist), s.dist} {
		f = m.as(dist, uint16(n))
		if m.allowed(f) {
			return f, missed + class(f.kind)
		}
	}
	return f, unlike
}

// moved is an old distance from q as it is now from pos, which x made.
func (m *model) moved(x patch.Match, q, pos int64, dist uint32) uint32 {
	from := q - int64(dist)
	if from >= x.Old {
		return dist
	}
	if p, ok := m.m.to(from, pos); ok && pos-p < 1<<32 {
		return uint32(pos - p)
	}
	return dist
}

// as is how an encoder writes n bytes at a distance.
func (m *model) as(dist uint32, n uint16) decision {
	d := decision{kind: match, len: n, dist: dist}
	for i, r := range m.recent {
		if r == dist {
			d.kind = rep0 + kind(i)
			break
		}
	}
	if n == 1 {
		d.kind = kinds
		if m.recent[0] == dist {
			d.kind = shortRep
		}
	}
	return d
}

// other codes a decision that was not foreseen.
func (m *model) other(d decision, cl class) decision {
	pos := m.w.pos()
	most := int(min(m.end-pos, m.w.size-pos, maxMatch))
	limit := min(pos-m.begin, m.dict)
	cs := m.f.find(most, limit)
	longest := 0
	if len(cs) > 0 {
		longest = int(cs[len(cs)-1].len)
	}
	rep := 0
	if int64(m.recent[0]) <= limit {
		rep = m.w.alike(m.recent[0], most)
	}
	d.kind = kind(m.c.Tree(m.kind[cl][m.state][min(bits.Len(uint(rep)), 3)][min(bits.Len(uint(longest)), 4)][:], 3, uint32(d.kind)))
	switch d.kind {
	case literal:
		return decision{kind: literal, len: 1}
	case shortRep:
		return decision{kind: shortRep, len: 1, dist: m.recent[0]}
	case match:
		return m.match(d, cs, most, limit)
	case rep0, rep1, rep2, rep3:
		d.dist = m.recent[d.kind-rep0]
		n := 0
		if int64(d.dist) <= limit {
			n = m.w.alike(d.dist, most)
		}
		d.len = m.length(d, n)
	}
	return d
}
