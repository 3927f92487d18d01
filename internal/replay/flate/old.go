package flate

import (
	"mirrord/internal/patch"
)

// An elder foretells from the script of an older stream, where the content came
// from there.
type elder struct {
	win     *window
	matches []patch.Match
	passed  int // of matches, those that end before the place
	reader  *scriptReader
	tok     token // begins at from; between before and that none begins
	from    int64
	before  int64
	over    bool // the script has ended
}

func newElder(old Old, win *window, matches []patch.Match) *elder {
	return &elder{win: win, matches: matches, reader: newScriptReader(old.Script), from: -1, before: -1}
}

// far is how much content is skipped rather than read through.
const far = 1 << 15

// goTo makes tok the token that begins at pos of the old content or, where none
// does, the next.
func (e *elder) goTo(pos int64) error {
	if e.over && pos >= e.from {
		return nil
	}
	if pos <= e.before || pos > e.from+far || e.from < 0 {
		if err := e.reader.seek(pos); err != nil {
			return err
		}
		e.before, e.from, e.over = e.reader.pos-1, -1, false
	}
	for e.from < pos && !e.over {
		e.before = max(e.before, e.from)
		if err := e.read(pos); err != nil {
			return err
		}
	}
	return nil
}

// read reads the next token, and as many literals before pos as it can at once.
func (e *elder) read(pos int64) error {
	r := e.reader
	if n := min(int64(r.left), pos-r.pos); n > 0 {
		r.left -= uint32(n)
		r.pos += n
		e.before = r.pos - 1
	}
	for {
		at := r.pos
		t, record, _, err := r.next()
		if err != nil {
			return err
		}
		if t != end {
			e.tok, e.from = t, at
			return nil
		}
		if record>>kindShift&3 == endRecord {
			e.over, e.from = true, at
			return nil
		}
	}
}

// origin is the place in the old content that pos was made from; false where there
// is none.
func (e *elder) origin(pos int64) (int64, bool) {
	for e.passed < len(e.matches) && e.matches[e.passed].New+e.matches[e.passed].Len <= pos {
		e.passed++
	}
	if e.passed == len(e.matches) || e.matches[e.passed].New > pos {
		return 0, false
	}
	m := e.matches[e.passed]
	return pos - m.New + m.Old, true
}

// foretell is the token at pos, of which i is the index in the window, and which
// goes on for limit bytes at most. It is false where the old stream has nothing to say.
func (e *elder) foretell(pos int64, i, limit int) (token, bool, error) {
	was, ok := e.origin(pos)
	if !ok {
		return 0, false, nil
	}
	if err := e.goTo(was); err != nil {
		return 0, false, err
	}
	if e.from != was || e.over {
		return 0, false, nil
	}
	if e.tok == literal {
		return literal, true, nil
	}
	length, dist := min(e.tok.length(), limit), e.tok.dist()
	n := e.extent(pos, i, dist, length)
	if n < length {
		if moved, ok := e.moved(pos, was-int64(dist)); ok {
			if k := e.extent(pos, i, moved, length); k > n {
				n, dist = k, moved
			}
		}
	}
	if n < minMatch {
		return 0, false, nil
	}
	return match(n, dist), true, nil
}

func (e *elder) extent(pos int64, i, dist, limit int) int {
	if int64(dist) > pos || dist > windowSize {
		return 0
	}
	return same(e.win.buf[:], i-dist, i, limit)
}

// movedSteps is how many matches before the place are looked through.
const movedSteps = 64

// moved is how far behind pos the content is now that was at source in the old.
func (e *elder) moved(pos, source int64) (int, bool) {
	for k := e.passed; k >= 0 && k > e.passed-movedSteps; k-- {
		m := e.matches[k]
		if m.New+m.Len <= pos-windowSize {
			break
		}
		if source >= m.Old && source < m.Old+m.Len {
			dist := pos - (source - m.Old + m.New)
			return int(dist), dist > 0 && dist <= windowSize
		}
	}
	return 0, false
}
