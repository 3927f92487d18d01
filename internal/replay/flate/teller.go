package flate

import (
	"fmt"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// setup is what the packed form begins with: who foretells.
type setup struct {
	family, level int
	length, chunk int64 // see bounds
	old           bool
}

// code codes the setup, the first thing in the packed form.
func (s *setup) code(c *replay.Coder) {
	var m replay.Numbers
	s.family = int(c.Raw(3, uint64(s.family)))
	s.level = int(c.Raw(4, uint64(s.level)))
	var old uint64
	if s.old {
		old = 1
	}
	s.old = c.Raw(1, old) != 0
	s.length = int64(c.Number(&m, uint64(s.length)))
	s.chunk = int64(c.Number(&m, uint64(s.chunk)))
}

// A teller foretells tokens, and is told what they were.
type teller struct {
	win    *window
	model  *matcher
	bounds bounds
	elder  *elder // nil where the old stream is not asked
	pos    int64
	err    error
}

func newTeller(s setup, content patch.Content, old Old, matches []patch.Match) (*teller, error) {
	e, ok := encoderOf(s.family, s.level)
	if !ok {
		return nil, fmt.Errorf("%w: encoder %d.%d is unknown", ErrCorrupt, s.family, s.level)
	}
	win := newWindow(content)
	if s.length > win.size || s.chunk > win.size {
		return nil, fmt.Errorf("%w: pieces of %d, chunks of %d bytes in %d", ErrCorrupt, s.length, s.chunk, win.size)
	}
	t := &teller{win: win, model: newMatcher(&e, win)}
	t.bounds = bounds{encoder: &e, win: win, length: s.length, chunk: s.chunk}
	if s.old {
		if old.Script == nil {
			return nil, fmt.Errorf("%w: the old stream is missing", ErrCorrupt)
		}
		t.elder = newElder(old, win, matches)
	}
	return t, nil
}

// Who foretold a token.
const (
	byModel = iota
	byElder
)

// foretell is the token that comes next.
func (t *teller) foretell() (tok token, by int) {
	i, err := t.win.at(t.pos)
	t.fail(err)
	if t.bounds.ended {
		return end, byModel
	}
	limit := int(min(maxMatch, t.bounds.stop-t.pos))
	if t.elder != nil {
		tok, ok, err := t.elder.foretell(t.pos, i, limit)
		t.fail(err)
		if ok {
			return tok, byElder
		}
	}
	tok = t.model.foretell(t.pos)
	if tok.isMatch() && tok.length() > limit {
		if limit < minMatch {
			return literal, byModel
		}
		tok = match(limit, tok.dist())
	}
	return tok, byModel
}

func (t *teller) fail(err error) {
	if err != nil && t.err == nil {
		t.err = err
	}
}

// pieceEnds reports whether a piece ends that has so many tokens.
func (t *teller) pieceEnds(tokens int) bool {
	return tokens == maxPiece || tokens > 0 && t.bounds.full
}

// took tells what it was that foretell was asked for. What cannot be said of the
// content it refuses.
func (t *teller) took(tok token) {
	if tok == end || t.err != nil {
		return
	}
	if int64(tok.length()) > t.win.size-t.pos || tok.isMatch() && int64(tok.dist()) > t.pos {
		t.fail(ErrCorrupt)
		return
	}
	i := int(t.pos - t.win.base)
	if t.elder == nil { // else places are entered when the model is asked
		t.model.took(tok, t.pos)
	}
	t.bounds.add(tok, t.pos, i)
	t.pos += int64(tok.length())
}

// pass goes over the content of a stored block.
func (t *teller) pass(n int, f func([]byte)) {
	if int64(n) > t.win.size-t.pos {
		t.fail(ErrCorrupt)
		return
	}
	for n > 0 {
		i, err := t.win.at(t.pos)
		if t.fail(err); t.err != nil {
			return
		}
		k := min(n, lookAhead/2)
		if f != nil {
			f(t.win.buf[i : i+k])
		}
		if t.elder == nil {
			t.model.enter(t.pos + int64(k))
		}
		if t.bounds.rsyncable {
			t.bounds.roll(t.pos+int64(k), i-int(t.pos-t.bounds.summed))
		}
		t.pos += int64(k)
		n -= k
	}
}
