// Package extent keeps which parts of a file are there: sorted spans that never
// touch, like islands in a sea, that grow and merge as bytes arrive.
package extent

import (
	"encoding/json"
	"errors"
	"slices"
	"sort"
)

// Span is the bytes from Off up to, not including, End.
type Span struct{ Off, End int64 }

// Set is the spans that are there. The zero Set is empty. It is not safe for
// concurrent use.
type Set struct{ spans []Span }

// from is the index of the first span that ends after off.
func (s *Set) from(off int64) int {
	return sort.Search(len(s.spans), func(i int) bool { return s.spans[i].End > off })
}

// Add notes that [off, end) is there.
func (s *Set) Add(off, end int64) {
	if off >= end {
		return
	}
	// Spans that touch merge: start with one that ends exactly at off.
	i := sort.Search(len(s.spans), func(i int) bool { return s.spans[i].End >= off })
	j := i
	for ; j < len(s.spans) && s.spans[j].Off <= end; j++ {
		off, end = min(off, s.spans[j].Off), max(end, s.spans[j].End)
	}
	s.spans = slices.Replace(s.spans, i, j, Span{off, end})
}

// Upto is how far the bytes reach without a gap from off: off itself where the
// byte at off is missing.
func (s *Set) Upto(off int64) int64 {
	if i := s.from(off); i < len(s.spans) && s.spans[i].Off <= off {
		return s.spans[i].End
	}
	return off
}

// Gap is the first missing span at or after off, bounded by size; ok is false
// where nothing is missing.
func (s *Set) Gap(off, size int64) (gap Span, ok bool) {
	off = s.Upto(off)
	if off >= size {
		return Span{}, false
	}
	end := size
	if i := s.from(off); i < len(s.spans) {
		end = min(end, s.spans[i].Off)
	}
	return Span{off, end}, true
}

// Len is the number of bytes there.
func (s *Set) Len() int64 {
	var n int64
	for _, sp := range s.spans {
		n += sp.End - sp.Off
	}
	return n
}

// End is the end of the last span, 0 where the set is empty.
func (s *Set) End() int64 {
	if len(s.spans) == 0 {
		return 0
	}
	return s.spans[len(s.spans)-1].End
}

// Remove notes that [off, end) is there no more.
func (s *Set) Remove(off, end int64) {
	if off >= end {
		return
	}
	i := s.from(off)
	j := i
	var rest []Span
	for ; j < len(s.spans) && s.spans[j].Off < end; j++ {
		if sp := s.spans[j]; sp.Off < off {
			rest = append(rest, Span{sp.Off, off})
		}
		if sp := s.spans[j]; sp.End > end {
			rest = append(rest, Span{end, sp.End})
		}
	}
	s.spans = slices.Replace(s.spans, i, j, rest...)
}

// Any reports whether a byte of [off, end) is there.
func (s *Set) Any(off, end int64) bool {
	i := s.from(off)
	return i < len(s.spans) && s.spans[i].Off < end
}

// Meets reports whether a byte is in both.
func (s *Set) Meets(o *Set) bool {
	return slices.ContainsFunc(o.spans, func(sp Span) bool { return s.Any(sp.Off, sp.End) })
}

// Spans are the spans, in order.
func (s *Set) Spans() []Span { return slices.Clone(s.spans) }

// Clone is a copy that shares nothing with s.
func (s *Set) Clone() Set { return Set{slices.Clone(s.spans)} }

var errOrder = errors.New("spans are not sorted and apart")

// MarshalJSON writes [[off,end],…].
func (s Set) MarshalJSON() ([]byte, error) {
	pairs := make([][2]int64, len(s.spans))
	for i, sp := range s.spans {
		pairs[i] = [2]int64{sp.Off, sp.End}
	}
	return json.Marshal(pairs)
}

// UnmarshalJSON reads what MarshalJSON wrote and refuses spans that are not
// sorted and apart.
func (s *Set) UnmarshalJSON(b []byte) error {
	var pairs [][2]int64
	if err := json.Unmarshal(b, &pairs); err != nil {
		return err
	}
	spans := make([]Span, len(pairs))
	last := int64(-1)
	for i, p := range pairs {
		if p[0] <= last || p[1] <= p[0] {
			return errOrder
		}
		spans[i], last = Span{p[0], p[1]}, p[1]
	}
	s.spans = spans
	return nil
}
