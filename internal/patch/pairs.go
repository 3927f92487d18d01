package patch

import (
	"cmp"
	"slices"
)

// A segment is a stretch of the new content that is matched at once.
type segment struct {
	new, newLen int64
	// Where in the old content it is likely to be found; nothing is known where
	// oldLen is 0.
	old, oldLen int64
	// By how much the old content's offset of the same is likely higher; what
	// the segment begins with is likely there where aligned.
	shift   int64
	aligned bool
}

const (
	// segmentSize bounds the new content in memory.
	segmentSize = 4 << 20
	// A gap between two pairs that is shorter than small is matched with the pair
	// behind it: it is mostly that one's header.
	small = 64 << 10
	// slack is how much more old content than new is looked at before a pair.
	slack = 4 << 10
)

// sound are the pairs that are in range, in order of New, without overlap there.
func sound(pairs []Pair, oldSize, newSize int64) []Pair {
	in := func(off, n, size int64) bool { return off >= 0 && n > 0 && off <= size && n <= size-off }
	kept := make([]Pair, 0, len(pairs))
	for _, p := range pairs {
		if in(p.Old, p.OldLen, oldSize) && in(p.New, p.NewLen, newSize) {
			kept = append(kept, p)
		}
	}
	slices.SortFunc(kept, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(a.New, b.New), cmp.Compare(a.NewLen, b.NewLen), cmp.Compare(a.Old, b.Old), cmp.Compare(a.OldLen, b.OldLen))
	})
	end := int64(0)
	return slices.DeleteFunc(kept, func(p Pair) bool {
		if p.New < end {
			return true
		}
		end = p.New + p.NewLen
		return false
	})
}

// plan cuts the new content into segments.
func plan(pairs []Pair, oldSize, newSize int64) []segment {
	var out []segment
	add := func(s segment) {
		for s.newLen > 0 {
			t := s
			t.newLen = min(s.newLen, segmentSize)
			out = append(out, t)
			s.new += t.newLen
			s.newLen -= t.newLen
			s.aligned = false
		}
	}
	at := int64(0)
	for _, p := range sound(pairs, oldSize, newSize) {
		s := segment{p.New, p.NewLen, p.Old, p.OldLen, p.Old - p.New, true}
		if gap := p.New - at; gap < small {
			s.new, s.newLen = at, s.newLen+gap
			lead := min(p.Old, gap+slack)
			s.old, s.oldLen = p.Old-lead, p.OldLen+lead
		} else {
			add(segment{new: at, newLen: gap})
		}
		add(s)
		at = p.New + p.NewLen
	}
	add(segment{new: at, newLen: newSize - at})
	return out
}
