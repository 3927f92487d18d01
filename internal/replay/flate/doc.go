// Package flate rebuilds deflate streams (RFC 1951) to the bit from what they
// hold. An encoder's output is its content and the decisions it took: literal or
// match, how long and from where, where a block ends and by which code it is
// written. Decompose reads them off a stream into a script; Pack foretells them,
// by a model of the encoder or from the script of an older stream, and writes
// down only where they are otherwise; Rebuild foretells the same and writes the
// stream again. Neither needs to know who made the stream.
package flate

import (
	"errors"
	"fmt"
	"io"

	"mirrord/internal/patch"
)

// ErrFormat is what every error of Decompose wraps that comes of what the stream
// says, and not of reading or writing.
var ErrFormat = errors.New("not a deflate stream")

var errShort = fmt.Errorf("%w: %w", ErrFormat, io.ErrUnexpectedEOF)

// ErrCorrupt is what every error of Rebuild wraps that comes of what the packed
// form says.
var ErrCorrupt = errors.New("corrupt packed deflate stream")

// Old is what an older stream held and its script. It is zero where there is none.
type Old struct{ Content, Script patch.Content }

// What RFC 1951 lays down.
const (
	windowSize = 1 << 15
	minMatch   = 3
	maxMatch   = 258

	endOfBlock = 256
	maxLit     = 286 // literals, the end and lengths
	maxDist    = 30
	maxCode    = 15 // bits of a code of either
	maxStored  = 1<<16 - 1
)

// Kinds of block, as they are written.
const (
	stored = iota
	fixed
	dynamic
)

// A token is one decision on the content: 0 for a literal, end for the end of
// the block, else a match.
type token uint32

const (
	literal  token = 0
	end      token = 1
	matchBit token = 1 << 31
	longBit  token = 1 << 25 // length 258 written as 227 and the extra bits 31
)

func match(length, dist int) token {
	return matchBit | token(length)<<16 | token(dist)
}

func (t token) isMatch() bool { return t&matchBit != 0 }

// length is how much content the token covers.
func (t token) length() int {
	switch {
	case t.isMatch():
		return int(t >> 16 & 0x1ff)
	case t == literal:
		return 1
	}
	return 0
}

// dist is 1 to 32768, of a match.
func (t token) dist() int { return int(t & 0xffff) }

func (t token) lengthCode() int {
	code := int(lengthCode[t.length()])
	if t&longBit != 0 {
		code--
	}
	return code
}
