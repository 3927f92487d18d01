package flate

import "mirrord/internal/replay"

// spell makes what token returned last fit for a piece: a literal has its byte
// above its low 8 bits.
func (t *teller) spell(tok token) token {
	if tok == literal {
		return token(t.win.buf[t.pos-1-t.win.base]) << 8
	}
	return tok
}

// counts are how often each symbol is used in the first piece of a block.
type counts struct {
	lit  [maxLit]int32
	dist [maxDist]int32
}

// countsOf counts a piece; the end is used once.
func countsOf(piece []token) *counts {
	c := new(counts)
	c.lit[endOfBlock] = 1
	for _, t := range piece {
		if t.isMatch() {
			c.dist[distCode(t.dist())]++
			c.lit[endOfBlock+1+t.lengthCode()]++
		} else {
			c.lit[t>>8]++
		}
	}
	return c
}

// headerModels are what was learnt of headers.
type headerModels struct {
	rule         [2]replay.Prob
	otherLengths [len(rules)]replay.Prob
	sizes        [2][32]replay.Prob
	otherLength  [16]replay.Prob
	length       [16][16]replay.Prob
	ops          [4]replay.Prob
	count        replay.Numbers
	op           [32]replay.Prob
	otherCode    replay.Prob
	ncl          [16]replay.Prob
	cl           [8]replay.Prob
}

func (m *headerModels) init() {
	for i := range m.otherLengths {
		m.otherLengths[i] = replay.Seldom
	}
	m.otherCode = replay.Seldom
}

// guess makes the lengths by a rule.
func (h *header) guess(r rule, n *counts) {
	var lit [maxLit]uint8
	var dist [maxDist]uint8
	r(n.lit[:], lit[:], maxCode)
	r(n.dist[:], dist[:], maxCode)
	h.nlit, h.ndist = maxLit, maxDist
	for lit[h.nlit-1] == 0 && h.nlit > 257 {
		h.nlit--
	}
	for dist[h.ndist-1] == 0 && h.ndist > 1 {
		h.ndist--
	}
	clear(h.lengths[:])
	copy(h.lengths[:], lit[:h.nlit])
	copy(h.lengths[h.nlit:], dist[:h.ndist])
}

// guessCode makes the code that the ops are written by.
func (h *header) guessCode(r rule) {
	var freq [19]int32
	for _, o := range h.ops {
		freq[o.sym]++
	}
	r(freq[:], h.cl[:], 7)
	h.ncl = len(h.cl)
	for h.ncl > 4 && h.cl[clOrder[h.ncl-1]] == 0 {
		h.ncl--
	}
}

func (h *header) sameLengths(o *header) bool {
	return h.nlit == o.nlit && h.ndist == o.ndist && h.lengths == o.lengths
}

// nearest is the rule that foretells h best, where the first piece has n.
func (h *header) nearest(n *counts) int {
	best, least := 0, len(h.lengths)+1
	for i, r := range rules {
		var g header
		g.guess(r, n)
		wrong := 0
		for k := range h.lengths {
			if g.lengths[k] != h.lengths[k] {
				wrong++
			}
		}
		if wrong < least {
			best, least = i, wrong
		}
	}
	return best
}

// header codes the header of a block by the rule that is nearest; the first piece
// of the block has n.
func (c *codec) header(h *header, n *counts, nearest int) {
	m := &c.m.header
	by := int(c.Tree(m.rule[:], 1, uint32(nearest)))
	g := new(header)
	g.guess(rules[by], n)
	if c.Bool(&m.otherLengths[by], !h.sameLengths(g)) {
		c.lengths(h, g)
	} else {
		h.nlit, h.ndist, h.lengths = g.nlit, g.ndist, g.lengths
	}
	c.ops(h)
	g.ops = h.ops
	g.guessCode(rules[by])
	if !c.Bool(&m.otherCode, h.ncl != g.ncl || h.cl != g.cl) {
		h.ncl, h.cl = g.ncl, g.cl
		return
	}
	h.ncl = int(c.Tree(m.ncl[:], 4, uint32(h.ncl-4))) + 4
	if h.ncl > len(h.cl) {
		c.fail(ErrCorrupt)
		h.ncl = len(h.cl)
	}
	for i, at := range clOrder {
		if i < h.ncl {
			h.cl[at] = uint8(c.Tree(m.cl[:], 3, uint32(h.cl[at])))
		} else {
			h.cl[at] = 0
		}
	}
}

// lengths codes lengths that are not those of g.
func (c *codec) lengths(h, g *header) {
	m := &c.m.header
	h.nlit = int(c.Tree(m.sizes[0][:], 5, uint32(h.nlit-257))) + 257
	h.ndist = int(c.Tree(m.sizes[1][:], 5, uint32(h.ndist-1))) + 1
	if h.nlit > maxLit || h.ndist > maxDist {
		c.fail(ErrCorrupt)
		h.nlit, h.ndist = 257, 1
	}
	expect := func(i, from, n int) uint8 {
		if i < n {
			return g.lengths[from+i]
		}
		return 0
	}
	for i := range h.nlit + h.ndist {
		want := uint8(0)
		if i < h.nlit {
			want = expect(i, 0, g.nlit)
		} else {
			want = expect(i-h.nlit, g.nlit, g.ndist)
		}
		if c.Bool(&m.otherLength[want], h.lengths[i] != want) {
			want = uint8(c.Tree(m.length[want][:], 4, uint32(h.lengths[i])))
		}
		h.lengths[i] = want
	}
	clear(h.lengths[h.nlit+h.ndist:])
}

// ops codes how the lengths, which are known, are written.
func (c *codec) ops(h *header) {
	m := &c.m.header
	ways := [2][]op{h.opsOf(false), h.opsOf(true)}
	way := uint32(len(ways))
	for i := len(ways) - 1; i >= 0; i-- {
		if equalOps(ways[i], h.ops) {
			way = uint32(i)
		}
	}
	way = c.Tree(m.ops[:], 2, way)
	if int(way) < len(ways) {
		h.ops = ways[way]
		return
	}
	n := int(c.Number(&m.count, uint64(len(h.ops))))
	if n > maxLit+maxDist {
		c.fail(ErrCorrupt)
		return
	}
	ops := make([]op, n)
	copy(ops, h.ops)
	for i := range ops {
		o := &ops[i]
		o.sym = uint8(c.Tree(m.op[:], 5, uint32(o.sym)))
		if int(o.sym) >= len(opExtra) {
			c.fail(ErrCorrupt)
			return
		}
		o.extra = uint8(c.Raw(int(opExtra[o.sym]), uint64(o.extra)))
	}
	h.ops = ops
	if h.expand() != nil {
		c.fail(ErrCorrupt)
	}
}

func equalOps(a, b []op) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
