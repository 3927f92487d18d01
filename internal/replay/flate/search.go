package flate

import "encoding/binary"

// find looks for a match at pos longer than best, among chain candidates.
func (m *matcher) find(pos int64, best, chain int) found {
	s, ok := m.search(pos, best, chain)
	switch {
	case !ok:
	case m.greedy || chain < hopFrom:
		s.walk(false)
	default:
		s.hop()
	}
	if !m.quad && !m.greedy && s.got.length == minMatch && s.got.dist > tooFar {
		return found{}
	}
	return s.got
}

// search begins a search; false where nothing can be found.
func (m *matcher) search(pos int64, best, chain int) (search, bool) {
	limit := int(min(maxMatch, m.win.size-pos))
	cand := m.first(pos)
	return search{
		matcher: m, pos: pos, i: int(pos - m.win.base), here: uint32(pos) + origin, reach: m.reach(pos),
		best: best, limit: limit, nice: min(m.nice, limit), cand: cand, chain: uint32(chain),
	}, best < limit && cand != 0
}

// A search is for the nearest of the longest matches at a place.
type search struct {
	*matcher
	pos         int64
	i           int    // the place in the window
	here, reach uint32 // the place as chains count
	best        int    // what is found is longer
	limit, nice int
	cand        uint32 // the next candidate
	chain       uint32 // how many candidates are looked at yet
	got         found
}

// try takes the candidate at dist if it is longer than the best.
func (s *search) try(dist uint32) bool {
	n := same(s.win.buf[:], s.i-int(dist), s.i, s.limit)
	if n <= s.best || s.quad && n == 4 && dist > tooFar {
		return false
	}
	s.best, s.got = n, found{n, int(dist)}
	return true
}

// walk looks at the candidates one by one. It reports whether there is nothing
// more to be found. Where it may hop it leaves off when it can.
func (s *search) walk(mayHop bool) bool {
	b := s.win.buf[:]
	reach := s.reach
	at, want, mask := s.tail()
	for last := uint32(s.got.dist); s.chain > 0; s.chain-- {
		dist := s.here - s.cand
		if dist > reach || dist <= last {
			return true
		}
		if mayHop && dist >= s.end() && s.best >= s.min {
			return false
		}
		if (binary.LittleEndian.Uint32(b[at-int(dist):])^want)&mask == 0 && s.try(dist) {
			if s.best >= s.nice {
				return true
			}
			at, want, mask = s.tail()
		}
		s.cand, last = s.chains[s.cand%windowSize].prev, dist
		if !s.quad {
			reach = zlibDist - 1
		}
	}
	return true
}

// tail is where and what the last bytes are of a match that is longer than the
// best by one: four or, at the beginning, three.
func (s *search) tail() (at int, want, mask uint32) {
	at, mask = s.i+s.best-3, 1<<32-1
	if s.best < 3 {
		at, mask = s.i, 1<<24-1
	}
	return at, binary.LittleEndian.Uint32(s.win.buf[at:]), mask
}

// end is where the last bytes begin that a match has which is longer than the best.
func (s *search) end() uint32 { return uint32(s.best - s.min + 1) }

// hopFrom is the length of chains from which on it pays to hop.
const hopFrom = 32

// hop finds what walk finds. What is longer than the best so far has what stands at its
// end, too: the candidates are those in the chain of that, which are fewer, and
// links tell how far down the chain of the place they are. All places must have
// been entered.
func (s *search) hop() {
	nth, chain, steps := s.chains[s.here%windowSize].nth, s.chain, int(s.chain)
	for !s.walk(steps > 0) {
		k, c := s.rarest()
		for last := int64(-1); ; steps-- {
			dist := s.here + k - c
			if dist > s.reach || int64(dist) <= last {
				return
			}
			// As many steps as walking takes are enough; and a link that far
			// back is overwritten by that of the place.
			if steps <= 0 || dist == windowSize {
				steps = 0
				break
			}
			if at := s.here - dist; int(dist) > s.got.dist && s.entered(dist) {
				got, best := s.got, s.best
				if s.try(dist) {
					down := nth - s.chains[at%windowSize].nth
					if down > chain || down > 1 && !s.quad && dist == zlibDist {
						s.got, s.best = got, best
						return
					}
					if s.best >= s.nice {
						return
					}
					s.cand, s.chain = s.chains[at%windowSize].prev, chain-down
					break
				}
			}
			c, last = s.chains[c%windowSize].prev, int64(dist)
		}
	}
}

// rarest looks which of the last few places in a longer match begins like one
// that is longest ago; it returns how far ahead it is, and that.
func (s *search) rarest() (ahead, cand uint32) {
	end := s.end()
	ahead, cand = end, s.head[s.hash(s.i+int(end))]
	for k := end - 1; k > 0 && k+rareSteps > end; k-- {
		if c := s.head[s.hash(s.i+int(k))]; k-c+s.here > ahead-cand+s.here {
			ahead, cand = k, c
		}
	}
	return ahead, cand
}

const rareSteps = 16

// entered is false for the first place of zlib's, which is in no chain.
func (s *search) entered(dist uint32) bool { return s.quad || int64(dist) < s.pos }
