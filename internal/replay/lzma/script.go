package lzma

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/patch"
)

// A script is the check's number, records, marks, and where the marks begin (8
// bytes, as all its numbers little endian or varints). A record is a decision, a run of literals, or what
// stands around them. There is a mark for each stride of the content: where the
// record that makes its first byte stands in the script, and what it makes in the
// content, and what the last distances were before it.
//
// A record's first byte is a kind, or control, above five bits: a count less
// one of literals, or a length less two of others, or which control. Thirty-one
// says of a length that a byte with the rest follows.
const (
	control   = 7
	lowBits   = 5
	lowMax    = 1<<lowBits - 1
	maxRecord = 64 // bytes
	stride    = 1 << 13
	markSize  = 32
)

// op is what a record is of.
type op uint8

const (
	opBlock op = iota
	opChunk
	opBlockEnd
	opEnd
	opDecision
)

// A recorder writes a script.
type recorder struct {
	w      *bufio.Writer
	off    int64
	pos    int64
	run    int // literals that are not written yet
	recent recent
	marks  []byte
	next   int64 // the stride's beginning that the next mark is for
	buf    []byte
	err    error // of writing
}

func newRecorder(w io.Writer, c check) *recorder {
	r := &recorder{w: bufio.NewWriterSize(w, 1<<16), recent: firstRecent}
	r.buf = append(r.buf, byte(c))
	r.write(0)
	return r
}

// write puts out buf as a record of n bytes of content.
func (r *recorder) write(n int) {
	for ; r.next < r.pos+int64(n); r.next += stride {
		r.marks = binary.LittleEndian.AppendUint64(r.marks, uint64(r.off))
		r.marks = binary.LittleEndian.AppendUint64(r.marks, uint64(r.pos))
		for _, d := range r.recent {
			r.marks = binary.LittleEndian.AppendUint32(r.marks, d)
		}
	}
	if _, err := r.w.Write(r.buf); err != nil {
		r.err = err
	}
	r.off += int64(len(r.buf))
	r.pos += int64(n)
	r.buf = r.buf[:0]
}

func (r *recorder) literals() {
	if r.run > 0 {
		n := r.run
		r.run = 0
		r.buf = append(r.buf, byte(literal)<<lowBits|byte(n-1))
		r.write(n)
	}
}

func (r *recorder) decision(d decision) {
	if d.kind == literal {
		if r.run++; r.run > lowMax {
			r.literals()
		}
		return
	}
	r.literals()
	if d.kind == shortRep {
		r.buf = append(r.buf, byte(shortRep)<<lowBits)
	} else {
		low := min(d.len-minMatch, lowMax)
		r.buf = append(r.buf, byte(d.kind)<<lowBits|byte(low))
		if low == lowMax {
			r.buf = append(r.buf, byte(d.len-minMatch-lowMax))
		}
	}
	if d.kind == match {
		r.buf = binary.AppendUvarint(r.buf, uint64(d.dist))
	}
	r.write(int(d.len))
	r.recent.take(d)
}

func (r *recorder) control(o op) {
	r.literals()
	r.buf = append(r.buf, control<<lowBits|byte(o))
}

func (r *recorder) block(h blockHeader) {
	r.control(opBlock)
	var flags byte
	if h.sized {
		flags |= 1
	}
	if h.content {
		flags |= 2
	}
	r.buf = append(r.buf, flags, h.dict)
	for _, v := range []uint64{uint64(h.size), h.packed, h.plain} {
		r.buf = binary.AppendUvarint(r.buf, v)
	}
	r.write(0)
}

func (r *recorder) chunk(c chunk) {
	r.control(opChunk)
	var raw byte
	if c.raw {
		raw = 1
	}
	r.buf = append(r.buf, raw, byte(c.reset), c.props.byte())
	r.buf = binary.AppendUvarint(r.buf, uint64(c.plain))
	if c.raw {
		r.write(c.plain)
		return
	}
	r.write(0)
	if c.reset != resetNothing {
		r.recent = firstRecent
	}
}

func (r *recorder) blockEnd() {
	r.control(opBlockEnd)
	r.write(0)
}

func (r *recorder) end() error {
	r.control(opEnd)
	r.write(0)
	r.w.Write(r.marks)
	r.w.Write(binary.LittleEndian.AppendUint64(nil, uint64(r.off)))
	return r.w.Flush()
}

// A player reads a script's records one by one.
type player struct {
	script patch.Content
	store  []byte
	buf    []byte // of store, what is read and not played
	off    int64  // in the script, behind buf
	err    error

	recent recent
	block  blockHeader // of the last opBlock
	chunk  chunk       // of the last opChunk
}

// play starts at the first record.
func play(script patch.Content) (*player, check) {
	p := &player{script: script, recent: firstRecent, store: make([]byte, 1<<16)}
	p.load()
	if p.err != nil {
		return p, 0
	}
	return p, check(p.byte())
}

var errScript = errors.New("xz: script is cut off")

// load has a longest record in buf, or all that is left of the script.
func (p *player) load() {
	n := copy(p.store, p.buf)
	want := int(max(0, min(int64(len(p.store)-n), p.script.Size()-p.off)))
	m, err := p.script.ReadAt(p.store[n:n+want], p.off)
	if m < want && p.err == nil {
		p.err = fmt.Errorf("script at %d: %w", p.off+int64(m), err)
	}
	p.buf, p.off = p.store[:n+m], p.off+int64(m)
	if len(p.buf) == 0 && p.err == nil {
		p.err = errScript
	}
}

func (p *player) byte() byte {
	if len(p.buf) == 0 {
		p.err = errScript
		return 0
	}
	b := p.buf[0]
	p.buf = p.buf[1:]
	return b
}

func (p *player) number() uint64 {
	v, n := binary.Uvarint(p.buf)
	if n <= 0 {
		p.err, n = errScript, 0
	}
	p.buf = p.buf[n:]
	return v
}

// next is the next record; of an opDecision the decision too, where a literal
// with a len stands for so many. Where it fails it is an opEnd, and err is set.
func (p *player) next() (op, decision) {
	if len(p.buf) < maxRecord {
		p.load()
	}
	b := p.byte()
	low := uint16(b & lowMax)
	d := decision{kind: kind(b >> lowBits)}
	switch d.kind {
	case control:
		p.control(op(low))
		if p.err != nil {
			return opEnd, d
		}
		return op(low), d
	case literal, shortRep:
		d.len = low + 1
	default:
		d.len = low + minMatch
		if low == lowMax {
			d.len += uint16(p.byte())
		}
	}
	switch d.kind {
	case literal:
	case match:
		d.dist = uint32(p.number())
	case shortRep:
		d.dist = p.recent[0]
	default:
		d.dist = p.recent[d.kind-rep0]
	}
	p.recent.take(d)
	if p.err != nil {
		return opEnd, d
	}
	return opDecision, d
}

func (p *player) control(o op) {
	switch o {
	case opBlock:
		flags := p.byte()
		p.block = blockHeader{sized: flags&1 != 0, content: flags&2 != 0, dict: p.byte()}
		p.block.size = int(p.number())
		p.block.packed, p.block.plain = p.number(), p.number()
	case opChunk:
		p.chunk = chunk{raw: p.byte() != 0, reset: reset(p.byte())}
		p.chunk.props, _ = parseProps(p.byte())
		p.chunk.plain = int(p.number())
		if !p.chunk.raw && p.chunk.reset != resetNothing {
			p.recent = firstRecent
		}
	}
}
