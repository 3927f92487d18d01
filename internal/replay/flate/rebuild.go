package flate

import (
	"fmt"
	"io"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// Rebuild writes the stream to w that Pack packed, of the same content and old,
// by the same matches. Whatever packed claims, it takes less than 4 MiB; but how
// much it writes only w bounds, and that it is a stream of content only its digest tells.
func Rebuild(w io.Writer, packed io.Reader, content patch.Content, old Old, matches []patch.Match) error {
	coder := replay.NewDecoder(packed)
	var s setup
	s.code(coder)
	if err := codingError(coder); err != nil {
		return err
	}
	c, err := newCodec(coder, s, content, old, matches)
	if err != nil {
		return err
	}
	defer c.model.release()
	r := &rebuilder{codec: c, out: bitWriter{w: w}}
	for !r.b.final {
		if err := r.block(); err != nil {
			return err
		}
	}
	r.out.align(uint32(c.padding(0)))
	r.out.flush()
	if err := r.failed(); err != nil {
		return err
	}
	if c.pos != c.win.size {
		return fmt.Errorf("%w: it ends at %d of %d", ErrCorrupt, c.pos, c.win.size)
	}
	return nil
}

type rebuilder struct {
	*codec
	out   bitWriter
	b     block
	piece []token
	codes codes
}

func (r *rebuilder) failed() error {
	if err := r.codec.failed(); err != nil {
		return err
	}
	return r.out.err
}

func (r *rebuilder) block() error {
	b := &r.b
	b.kind = r.kind(0)
	if b.kind == stored {
		r.storedHead(b)
		r.begin()
		r.out.align(uint32(b.pad))
		r.out.bits(uint64(b.length)|uint64(^uint16(b.length))<<16, 32)
		r.pass(b.length, r.out.write)
		return r.failed()
	}
	for first := true; ; first = false {
		ended := r.tokens()
		if err := r.failed(); err != nil {
			return err
		}
		if first {
			b.final = r.final(false, r.pos == r.win.size)
			if b.kind == dynamic {
				r.header(&b.header, countsOf(r.piece), 0)
			}
			r.begin()
			if r.codes.init(b) != nil || b.kind == dynamic && b.header.write(&r.out) != nil {
				return fmt.Errorf("%w: a block's code", ErrCorrupt)
			}
		}
		r.codes.write(r.piece, &r.out)
		if ended {
			r.codes.put(endOfBlock, &r.out)
			return r.failed()
		}
	}
}

// begin writes what every block begins with.
func (r *rebuilder) begin() {
	v := r.b.kind << 1
	if r.b.final {
		v |= 1
	}
	r.out.bits(uint64(v), 3)
}

// tokens reads a piece, and whether the block ends with it.
func (r *rebuilder) tokens() bool {
	for r.piece = r.piece[:0]; !r.pieceEnds(len(r.piece)); {
		t := r.token(0)
		if t == end {
			return true
		}
		r.piece = append(r.piece, r.spell(t))
	}
	return false
}

// codes are how the symbols of a block are written.
type codes struct {
	lit    [maxLit + 2]uint16
	dist   [maxDist + 2]uint16
	litLen [maxLit + 2]uint8
	distN  [maxDist + 2]uint8
}

// init makes the codes that b tells of.
func (c *codes) init(b *block) error {
	lit, dist := b.header.lit(), b.header.dist()
	if b.kind == fixed {
		lit, dist = fixedLengths()
	}
	clear(c.litLen[copy(c.litLen[:], lit):])
	clear(c.distN[copy(c.distN[:], dist):])
	if err := canonical(c.litLen[:], c.lit[:]); err != nil {
		return err
	}
	return canonical(c.distN[:], c.dist[:])
}

func (c *codes) put(sym int, out *bitWriter) {
	out.bits(uint64(c.lit[sym]), uint(c.litLen[sym]))
}

// write writes tokens as spell spelt them.
func (c *codes) write(piece []token, out *bitWriter) {
	for _, t := range piece {
		if !t.isMatch() {
			c.put(int(t>>8), out)
			continue
		}
		code, n := t.lengthCode(), t.length()
		extra := lengthCodes[code]
		sym := endOfBlock + 1 + code
		v, k := uint64(c.lit[sym]), uint(c.litLen[sym])
		v |= uint64(n-extra.base) << k
		k += extra.extra
		d := distCode(t.dist())
		v |= uint64(c.dist[d]) << k
		k += uint(c.distN[d])
		v |= uint64(t.dist()-distCodes[d].base) << k
		out.bits(v, k+distCodes[d].extra)
	}
}
