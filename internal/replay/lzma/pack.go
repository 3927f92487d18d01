package lzma

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"io"

	"mirrord/internal/patch"
	"mirrord/internal/replay"
)

// Pack writes what Rebuild needs besides the content to make the stream again
// that content and script are of: what the decisions of old's script and matches
// do not foretell.
func Pack(w io.Writer, script, content patch.Content, old Old, matches []patch.Match) error {
	c := replay.NewEncoder(w)
	m, err := newModel(c, content, old, matches)
	if err != nil {
		return err
	}
	p, sum := play(script)
	m.check(sum)
	for op := opBlockEnd; op != opEnd; {
		var d decision
		if op, d = p.next(); p.err != nil {
			return p.err
		}
		if err := m.record(op, d, p); err != nil {
			return err
		}
	}
	return c.Close()
}

// record codes one record of a script.
func (m *model) record(op op, d decision, p *player) error {
	switch op {
	case opBlock, opEnd:
		if m.more(0, op == opBlock) {
			m.block(p.block)
		}
	case opChunk, opBlockEnd:
		if !m.more(1, op == opChunk) {
			break
		}
		m.chunk(p.chunk)
		if p.chunk.raw {
			return m.skip(p.chunk.plain, func([]byte) error { return nil })
		}
	case opDecision:
		n := 1
		if d.kind == literal {
			n, d.len = int(d.len), 1
		}
		for range n {
			if _, err := m.decision(d); err != nil {
				return err
			}
			m.w.at += int(d.len)
		}
	}
	return m.failed()
}

// skip moves on over n bytes of content, and shows them.
func (m *model) skip(n int, show func([]byte) error) error {
	for n > 0 {
		if m.w.fill(); m.w.end == m.w.at {
			return m.failed()
		}
		k := min(n, m.w.end-m.w.at)
		if err := show(m.w.buf[m.w.at : m.w.at+k]); err != nil {
			return err
		}
		m.w.at += k
		n -= k
	}
	return nil
}

func (m *model) failed() error { return errors.Join(m.c.Err(), m.w.err, m.past.err) }

// errPacked is that of packed decisions that no Pack wrote, or not for this
// content and this old stream.
var errPacked = errors.New("xz: packed decisions are bad")

// Rebuild writes the stream that Pack's packed, and the same content, old and
// matches are of. It reads no further than packed goes where that is an
// io.ByteReader. Whatever packed claims, it writes an xz stream of the content
// or fails; it needs 32 MiB of memory besides matches.
func Rebuild(w io.Writer, packed io.Reader, content patch.Content, old Old, matches []patch.Match) error {
	m, err := newModel(replay.NewDecoder(packed), content, old, matches)
	if err != nil {
		return err
	}
	r := &rebuilder{model: m, out: bufio.NewWriterSize(w, 1<<16)}
	if r.sumOf = m.check(0); m.failed() != nil {
		return m.failed()
	}
	if _, ok := r.sumOf.hash(); !ok {
		return fmt.Errorf("%w: check %d", errPacked, r.sumOf)
	}
	r.write(r.sumOf.header())
	for m.more(0, false) {
		if err := r.block(); err != nil {
			return err
		}
	}
	if err := m.failed(); err != nil {
		return err
	}
	if m.w.pos() != m.w.size {
		return fmt.Errorf("%w: they end at %d of %d bytes", errPacked, m.w.pos(), m.w.size)
	}
	r.write(r.index.bytes(r.sumOf))
	return r.out.Flush()
}

type rebuilder struct {
	*model
	out   *bufio.Writer
	n     uint64 // bytes written
	sumOf check
	index index
	codec codec
	sum   hash.Hash
}

// write leaves an error to Flush.
func (r *rebuilder) write(b []byte) {
	n, _ := r.out.Write(b)
	r.n += uint64(n)
}

func (r *rebuilder) block() error {
	h := r.model.block(blockHeader{})
	if err := r.failed(); err != nil {
		return err
	}
	head := h.bytes()
	if head == nil || h.dict > 40 || h.dictSize() > maxDict {
		return fmt.Errorf("%w: block header", errPacked)
	}
	start, pos := r.n, r.w.pos()
	r.sum, _ = r.sumOf.hash()
	r.write(head)
	data := r.n
	begun, known := false, false
	for r.more(1, false) {
		c := r.model.chunk(chunk{})
		if err := r.failed(); err != nil {
			return err
		}
		if err := c.check(begun, known); err != nil {
			return fmt.Errorf("%w: %w", errPacked, err)
		}
		known = known && c.reset != resetDict || !c.raw && c.reset >= resetProps
		begun = true
		if err := r.chunk(c); err != nil {
			return err
		}
	}
	r.write([]byte{0})
	if n, plain := r.n-data, uint64(r.w.pos()-pos); h.sized && h.packed != n || h.content && h.plain != plain {
		return fmt.Errorf("%w: block of %d bytes is of %d", errPacked, h.packed, n)
	}
	fill := padding(r.n - data)
	r.write(make([]byte, fill))
	r.write(r.sumOf.sum(r.sum))
	return r.index.add(r.n-start-uint64(fill), uint64(r.w.pos()-pos))
}

func (r *rebuilder) chunk(c chunk) error {
	most := maxChunk
	if c.raw {
		most = maxPacked
	}
	if c.plain < 1 || c.plain > most || int64(c.plain) > r.w.size-r.w.pos() {
		return fmt.Errorf("%w: chunk of %d bytes", errPacked, c.plain)
	}
	if c.raw {
		r.write(c.header(0))
		return r.skip(c.plain, func(b []byte) error { r.write(b); r.digest(b); return nil })
	}
	m := &r.codec
	if c.reset >= resetProps {
		m.props = c.props
	}
	if c.reset != resetNothing {
		m.reset()
	}
	m.rc.write()
	for r.w.pos() < r.end {
		d, err := r.decision(decision{})
		if err != nil {
			return err
		}
		m.decide(d, r.w, r.w.pos()-r.begin)
		if len(m.rc.out)+m.rc.pending > maxPacked {
			break
		}
		r.w.at += int(d.len)
	}
	m.rc.finish()
	if len(m.rc.out) > maxPacked {
		return fmt.Errorf("%w: chunk of more than %d bytes", errPacked, maxPacked)
	}
	r.write(c.header(len(m.rc.out)))
	r.write(m.rc.out)
	r.digest(r.w.buf[r.w.at-c.plain : r.w.at])
	return r.failed()
}

func (r *rebuilder) digest(b []byte) {
	if r.sum != nil {
		r.sum.Write(b)
	}
}
