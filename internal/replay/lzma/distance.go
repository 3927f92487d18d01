package lzma

import "math/bits"

// match codes a match, and its distance by its place among the candidates.
func (m *model) match(d decision, cs []candidate, most int, limit int64) decision {
	for k, hint := range m.hints() {
		if hint > 0 && int64(hint) <= limit {
			if n := m.w.alike(hint, most); n >= minMatch {
				if m.c.Bool(&m.hinted[k][min(bits.Len(uint(n)), 7)], d.dist == hint) {
					d.dist = hint
					d.len = m.length(d, n)
					return d
				}
			}
		}
	}
	rank := len(cs) - 1
	for rank >= 0 && cs[rank].dist != d.dist {
		rank--
	}
	if m.c.Bool(&m.among[min(len(cs), 15)], rank >= 0) {
		i := len(cs) - 1
		if i < 0 { // no Pack claims that
			return decision{kind: kinds}
		}
		for ; i > 0; i-- {
			if m.c.Bool(&m.rank[min(len(cs), 15)][min(len(cs)-1-i, 15)], i == rank) {
				break
			}
		}
		d.dist = cs[i].dist
		d.len = m.length(d, int(cs[i].len))
		return d
	}
	d.len = m.length(d, 0)
	if near := m.far.nearest(int(d.len), limit); near > 0 && m.c.Bool(&m.nearest[min(d.len, 20)], d.dist == near) {
		d.dist = near
		return d
	}
	d.dist = uint32(m.c.Number(&m.dist[min(d.len, 5)&3], uint64(d.dist)))
	return d
}

// length codes a length, which most often is all there is.
func (m *model) length(d decision, n int) uint16 {
	k := min(bits.Len(uint(n)), 15)
	if n >= minMatch && m.c.Bool(&m.full[d.kind][k], int(d.len) == n) {
		return uint16(n)
	}
	return uint16(m.c.Tree(m.len[d.kind][k][:], 9, uint32(d.len)))
}

// hints are the distances that the old stream's decisions around the place had, as they
// are now; 0 for none.
func (m *model) hints() (hs [5]uint32) {
	pos := m.w.pos()
	x, ok := m.m.from(pos)
	if !ok {
		return
	}
	q := pos - x.New + x.Old
	if _, ok := m.past.at(q); !ok {
		return
	}
	for i, n := range [5]int{0, 1, -1, 2, 3} {
		if s, ok := m.past.beyond(q, n); ok {
			h := m.moved(x, s.pos, s.pos-x.Old+x.New, s.dist)
			for _, g := range hs[:i] {
				if g == h {
					h = 0
				}
			}
			hs[i] = h
		}
	}
	return hs
}
