package flate

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// maxPiece is how many tokens of a block are looked at together: its code is
// foretold from the first of them.
const maxPiece = 1 << 17

// A codec writes the packed form, or reads it: it was written once for both, as
// replay.Coder is. What it cannot foretell it codes.
type codec struct {
	*replay.Coder
	teller
	m                    models
	hist                 uint8 // which of the last three tokens were wrong
	lastKind, lastStored int
	all                  [frontSteps]found
}

// models are what was learnt.
type models struct {
	wrong                [2][8][8]replay.Prob // by who foretold, what, and what was wrong before
	isMatch, isEnd       [3]replay.Prob
	sameDist, sameLength [4]replay.Prob
	found                replay.Prob
	rank                 [16]replay.Prob
	among                replay.Prob
	nth                  replay.Numbers
	slot                 [32]replay.Prob
	low                  [32]replay.Prob
	length               [2][256]replay.Prob
	long                 replay.Prob
	kind                 [4][4]replay.Prob
	final                [2]replay.Prob
	otherStored          replay.Prob
	stored               replay.Numbers
	pad                  replay.Prob
	header               headerModels
}

func newCodec(c *replay.Coder, s setup, content patch.Content, old Old, matches []patch.Match) (*codec, error) {
	t, err := newTeller(s, content, old, matches)
	if err != nil {
		return nil, err
	}
	k := &codec{Coder: c, teller: *t, lastKind: endRecord}
	for i := range k.m.wrong {
		for j := range k.m.wrong[i] {
			for n := range k.m.wrong[i][j] {
				k.m.wrong[i][j][n] = replay.Seldom
			}
		}
	}
	k.m.pad = replay.Seldom
	k.m.final = [2]replay.Prob{replay.Seldom, replay.Seldom}
	k.m.header.init()
	return k, nil
}

// kindOf is what of a token its being foretold rightly hangs on.
func kindOf(t token) int {
	switch {
	case t == literal:
		return 0
	case t == end:
		return 1
	case t.length() == minMatch:
		return 2
	case t.length() < 8:
		return 3
	case t.length() < 32:
		return 4
	case t.length() < maxMatch:
		return 5
	}
	return 6
}

// token codes the token that comes next.
func (c *codec) token(actual token) token {
	guess, by := c.foretell()
	if c.err != nil {
		return end
	}
	wrong := c.Bool(&c.m.wrong[by][kindOf(guess)][c.hist], actual != guess)
	c.hist = c.hist << 1 & 7
	if !wrong {
		actual = guess
	} else {
		c.hist |= 1
		actual = c.other(guess, actual)
	}
	if c.took(actual); c.err != nil {
		return end
	}
	return actual
}

// other codes a token that is not the one foretold.
func (c *codec) other(guess, actual token) token {
	k := min(kindOf(guess), 2)
	if guess != literal {
		isMatch := c.Bool(&c.m.isMatch[k], actual.isMatch())
		if !isMatch && guess == end {
			return literal
		}
		if !isMatch {
			if c.Bool(&c.m.isEnd[k], actual == end) {
				return end
			}
			return literal
		}
	} else if c.Bool(&c.m.isEnd[k], actual == end) {
		return end
	}
	var at found
	if guess.isMatch() && c.Bool(&c.m.sameDist[0], actual.dist() == guess.dist()) {
		at.dist = guess.dist()
	} else {
		at = c.distance(actual)
	}
	return c.finish(at, actual)
}

// distance codes how far a match is: by its rank in the front, by its rank among all
// candidates, or plainly.
func (c *codec) distance(actual token) found {
	all, front := c.model.candidates(c.pos, c.all[:0])
	rank, nth := -1, -1
	for i, f := range all {
		if f.dist == actual.dist() {
			nth = i
		}
	}
	for i, f := range front {
		if f.dist == actual.dist() {
			rank = len(front) - 1 - i
		}
	}
	if len(front) > 0 && c.Bool(&c.m.found, rank >= 0) {
		n := 0
		for n < len(front)-1 && c.Bool(&c.m.rank[min(n, 15)], rank > n) {
			n++
		}
		return front[len(front)-1-n]
	}
	if len(all) > len(front) && c.Bool(&c.m.among, nth >= 0) {
		n := c.Number(&c.m.nth, uint64(nth))
		if n < uint64(len(all)) {
			return all[n]
		}
		c.fail(ErrCorrupt)
	}
	var slot, extra uint32
	if actual.isMatch() {
		slot = uint32(distCode(actual.dist()))
		extra = uint32(actual.dist() - distCodes[slot].base)
	}
	slot = c.Tree(c.m.slot[:], 5, slot)
	if slot >= maxDist {
		c.fail(ErrCorrupt)
		slot = 0
	}
	span := distCodes[slot]
	high := span.extra - min(span.extra, 4)
	dist := span.base + int(c.Raw(int(high), uint64(extra>>(span.extra-high))))<<(span.extra-high)
	if low := span.extra - high; low > 0 {
		dist += int(c.Tree(c.m.low[:], int(low), extra&(1<<low-1)))
	}
	return found{dist: dist}
}

// finish codes the length of a match whose distance is known: most often as far
// as the content is the same.
func (c *codec) finish(at found, actual token) token {
	limit := int(min(maxMatch, c.bounds.stop-c.pos))
	full := 0
	if int64(at.dist) <= c.pos {
		i := int(c.pos - c.win.base)
		full = same(c.win.buf[:], i-at.dist, i, limit)
	}
	length := full
	if full < minMatch || c.Bool(&c.m.sameLength[min(bits.Len(uint(full))/3, 3)], actual.length() != full) {
		length = int(c.Tree(c.m.length[min(full/16, 1)][:], 8, uint32(actual.length()-minMatch))) + minMatch
	}
	t := match(length, at.dist)
	if length == maxMatch && c.Bool(&c.m.long, actual&longBit != 0) {
		t |= longBit
	}
	return t
}

// kind codes what kind of block comes next.
func (c *codec) kind(actual int) int {
	actual = int(c.Tree(c.m.kind[c.lastKind][:], 2, uint32(actual)))
	if actual > dynamic {
		c.fail(ErrCorrupt)
		actual = fixed
	}
	c.lastKind = actual
	c.bounds.begin(c.pos)
	return actual
}

// final codes whether a block is the last one.
func (c *codec) final(actual, expected bool) bool {
	m := &c.m.final[0]
	if expected {
		m = &c.m.final[1]
	}
	return c.Bool(m, actual != expected) != expected
}

// storedHead codes all of a stored block but its kind and its content.
func (c *codec) storedHead(b *block) {
	if c.Bool(&c.m.otherStored, b.length != c.lastStored) {
		b.length = int(c.Number(&c.m.stored, uint64(b.length)))
	} else {
		b.length = c.lastStored
	}
	if b.length > maxStored || int64(b.length) > c.win.size-c.pos {
		c.fail(ErrCorrupt)
		b.length = 0
	}
	c.lastStored = b.length
	b.pad = c.padding(b.pad)
	b.final = c.final(b.final, c.pos+int64(b.length) == c.win.size)
}

// padding codes bits that fill a byte up, zeros most often.
func (c *codec) padding(actual uint8) uint8 {
	if c.Bool(&c.m.pad, actual != 0) {
		return uint8(c.Raw(7, uint64(actual)))
	}
	return 0
}

// failed is what went wrong so far.
func (c *codec) failed() error {
	if c.err != nil {
		return c.err
	}
	return codingError(c.Coder)
}

// codingError is what went wrong in reading or writing the packed form.
func codingError(c *replay.Coder) error {
	err := c.Err()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends too early", ErrCorrupt)
	}
	return err
}
