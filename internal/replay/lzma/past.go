package lzma

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"mirrord/internal/patch"
)

// Old is the stream that a new one is likened to, as Decompose gave it; the
// zero Old where there is none.
type Old struct{ Content, Script patch.Content }

// A past is the old stream's decisions, by where they stand in its content.
type past struct {
	script  patch.Content
	size    int64 // of the old content
	marks   int64 // where they begin in the script
	strides int64
	pieces  [32]piece
	err     error
}

// A piece is the decisions of one stride.
type piece struct {
	stride int64 // one more, so that the zero piece is none
	steps  []step
	last   int // where steps was looked at
}

// A step is a decision at a place, or a run of literals; kind is control where
// bytes are stored raw.
type step struct {
	pos int64
	decision
}

func newPast(old Old) (*past, error) {
	if old.Script == nil {
		return &past{}, nil
	}
	p := &past{script: old.Script, size: old.Content.Size()}
	var b [8]byte
	size := old.Script.Size()
	if _, err := old.Script.ReadAt(b[:], size-8); err != nil {
		return nil, fmt.Errorf("old script: %w", err)
	}
	p.marks = int64(binary.LittleEndian.Uint64(b[:]))
	if p.marks < 0 || p.marks > size-8 {
		return nil, fmt.Errorf("old script: %w", errScript)
	}
	p.strides = (size - 8 - p.marks) / markSize
	return p, nil
}

// at is the step that makes the old content's byte at q.
func (p *past) at(q int64) (s step, ok bool) {
	k := q / stride
	if q < 0 || k >= p.strides || q >= p.size {
		return s, false
	}
	x := &p.pieces[k%int64(len(p.pieces))]
	if x.stride != k+1 {
		p.load(x, k)
	}
	if x.last < len(x.steps) && x.steps[x.last].pos <= q {
		for x.last+1 < len(x.steps) && x.steps[x.last+1].pos <= q {
			x.last++
		}
	} else {
		x.last = sort.Search(len(x.steps), func(i int) bool { return x.steps[i].pos > q }) - 1
	}
	if x.last < 0 {
		x.last = 0
		return s, false
	}
	s = x.steps[x.last]
	return s, s.kind != control
}

// beyond is the step n behind the one that at gave last, of the same stride.
func (p *past) beyond(q int64, n int) (s step, ok bool) {
	x := &p.pieces[q/stride%int64(len(p.pieces))]
	if i := x.last + n; i >= 0 && i < len(x.steps) {
		return x.steps[i], x.steps[i].kind != control && x.steps[i].kind != literal
	}
	return s, false
}

// load reads a stride's steps.
func (p *past) load(x *piece, k int64) {
	x.stride, x.last, x.steps = k+1, 0, x.steps[:0]
	var b [markSize]byte
	if _, err := p.script.ReadAt(b[:], p.marks+k*markSize); err != nil {
		p.err = fmt.Errorf("old script: %w", err)
		return
	}
	pos := int64(binary.LittleEndian.Uint64(b[8:]))
	in := player{script: p.script, off: int64(binary.LittleEndian.Uint64(b[:])), store: make([]byte, 1<<12)}
	for i := range in.recent {
		in.recent[i] = binary.LittleEndian.Uint32(b[16+4*i:])
	}
	for pos < min((k+1)*stride, p.size) {
		op, d := in.next()
		switch {
		case op == opEnd:
			p.err = in.err
			return
		case op == opDecision:
			x.steps = append(x.steps, step{pos, d})
			pos += int64(d.len)
		case op == opChunk && in.chunk.raw:
			x.steps = append(x.steps, step{pos, decision{kind: control}})
			pos += int64(in.chunk.plain)
		}
	}
}

// A mapping is where a new content came from.
type mapping struct {
	matches []patch.Match // in order of New
	next    int           // the first that ends behind the last place asked for
	byOld   []int32       // indexes of matches, in order of Old
}

func newMapping(matches []patch.Match) *mapping {
	m := &mapping{matches: matches, byOld: make([]int32, len(matches))}
	for i := range m.byOld {
		m.byOld[i] = int32(i)
	}
	slices.SortStableFunc(m.byOld, func(a, b int32) int { return cmp.Compare(matches[a].Old, matches[b].Old) })
	return m
}

// from is the match that made the new byte at p; p does not fall from call to call.
func (m *mapping) from(p int64) (x patch.Match, ok bool) {
	for m.next < len(m.matches) && m.matches[m.next].New+m.matches[m.next].Len <= p {
		m.next++
	}
	if m.next == len(m.matches) || m.matches[m.next].New > p {
		return x, false
	}
	return m.matches[m.next], true
}

// overlaps is how many matches that begin before an old place are looked at for
// one that covers it.
const overlaps = 4

// to is a place below limit that was made from the old byte at q.
func (m *mapping) to(q, limit int64) (p int64, ok bool) {
	i := sort.Search(len(m.byOld), func(i int) bool { return m.matches[m.byOld[i]].Old > q })
	for j := i - 1; j >= max(0, i-overlaps); j-- {
		x := m.matches[m.byOld[j]]
		if p := x.New + q - x.Old; q-x.Old < x.Len && p < limit {
			return p, true
		}
	}
	return 0, false
}
