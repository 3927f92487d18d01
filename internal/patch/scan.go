package patch

// A scanner matches one segment of the new content against a window of the old.
type scanner struct {
	win *window
	new []byte

	// The run that goes on: from start, with the old content shift bytes
	// further on in the window. Where there is none, going is false.
	going bool
	start int
	shift int
	gain  int // by how many bytes another must be better

	// found are runs in order of new, in positions of window and segment.
	found []run
}

type run struct{ old, new, len int }

// A run goes on without looking for better where, of so many bytes to come, so
// many are equal.
const (
	ahead  = 64
	steady = 44
)

// scan finds the runs of the segment. Where aligned, its first byte is likely
// that at shift of the window.
func (s *scanner) scan(aligned bool, shift int) {
	s.going, s.start, s.shift, s.found = aligned, 0, shift, s.found[:0]
	for q := 0; q < len(s.new); {
		if s.going {
			q += s.equalHere(q)
			if s.alikeHere(q, ahead) >= steady {
				q++
				continue
			}
		}
		if q >= len(s.new) {
			break
		}
		at, n := s.win.longest(s.new[q:], q+s.shift)
		if n > 0 && n > s.alikeHere(q, n)+s.gain {
			s.turn(q, at)
			q += n
			continue
		}
		q++
	}
	s.close(s.end(len(s.new)))
}

// here are n bytes of the old content, or fewer, that the run puts against those at q.
func (s *scanner) here(q, n int) []byte {
	from, to := q+s.shift, q+s.shift+n
	if from < 0 || from >= len(s.win.data) {
		return nil
	}
	return s.win.data[from:min(to, len(s.win.data))]
}

func (s *scanner) equalHere(q int) int {
	return equal(s.here(q, len(s.new)-q), s.new[q:])
}

func (s *scanner) alikeHere(q, n int) int {
	if !s.going {
		return 0
	}
	old := s.here(q, n)
	new := s.new[q:min(q+len(old), len(s.new))]
	return alike(new, old[:len(new)])
}

// turn ends the run that went on, and begins the one that puts at against q:
// as far before q as it is worth. Where both would have the same bytes, they
// part where most of them are equal.
func (s *scanner) turn(q, at int) {
	shift := at - q
	from := q - extendBack(s.win.data[:at], s.new[s.start:q])
	if to := s.end(q); to > from {
		from += s.part(from, to, shift)
		s.close(from)
	} else {
		s.close(to)
	}
	s.going, s.start, s.shift = true, from, shift
}

// end is where the run that goes on has its best end, at most at q.
func (s *scanner) end(q int) int {
	if !s.going {
		return s.start
	}
	return s.start + extend(s.here(s.start, q-s.start), s.new[s.start:q])
}

// close writes down the run that went on, as ending before to.
func (s *scanner) close(to int) {
	if s.going && to > s.start {
		s.found = append(s.found, run{s.start + s.shift, s.start, to - s.start})
	}
}

// part is how many of the bytes from..to the run that goes on keeps before one
// with the given shift.
func (s *scanner) part(from, to, shift int) int {
	a, b, new := s.win.data[from+s.shift:], s.win.data[from+shift:], s.new[from:to]
	best, at, score := 0, 0, 0
	for i, c := range new {
		if a[i] == c {
			score++
		}
		if b[i] == c {
			score--
		}
		if score > best {
			best, at = score, i+1
		}
	}
	return at
}
