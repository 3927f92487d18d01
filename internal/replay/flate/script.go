package flate

import (
	"encoding/binary"
	"errors"
	"io"
	"sort"

	"mirrord/internal/patch"
)

// A script is what Decompose read off a stream, in pages of equal size but the last, so
// that what was decided at a place of the content is found by bisection. A page is the
// place in the content that it begins at (8 bytes), and words of 4, little-endian; zeros fill it up. Words are
// tokens; a run of n literals is literalRun|n. A word with blockRecord set in
// front begins a block, or ends the stream, and has as many bytes behind it as
// its low 16 bits say, in whole words, all in one page:
//
//	stored   the length (2 bytes), the bits before it that fill a byte (1)
//	dynamic  literals - 257, distances - 1, lengths of the code of lengths, those lengths,
//	         then each op, its extra bits in a byte of their own
//	end      the bits that fill the last byte (1)
const (
	pageSize   = 1 << 14
	pageHead   = 8
	literalRun = 1 << 30
	recordMark = 3 << 30
	endRecord  = 3 // where a block has its kind
	finalMark  = 1 << 26
	kindShift  = 28 // two bits
)

var errScript = errors.New("not a script of a deflate stream")

// A block is how it begins; of a stored one it is all but the content.
type block struct {
	kind   int
	final  bool
	length int   // of a stored block
	pad    uint8 // of a stored block, or of the end
	header header
}

// scriptWriter writes a script.
type scriptWriter struct {
	w    io.Writer
	page [pageSize]byte
	used int
	run  uint32 // literals not yet written
	pos  int64  // in the content
	err  error
}

func (s *scriptWriter) token(t token) {
	if t == literal {
		s.run++
		if s.run == literalRun-1 {
			s.endRun()
		}
		return
	}
	s.endRun()
	s.word(uint32(t))
	s.pos += int64(t.length())
}

func (s *scriptWriter) endRun() {
	if s.run > 0 {
		s.word(literalRun | s.run)
		s.pos += int64(s.run)
		s.run = 0
	}
}

// room makes the next n words go to one page.
func (s *scriptWriter) room(n int) {
	if s.used+4*n > pageSize {
		s.flush()
	}
	if s.used == 0 {
		binary.LittleEndian.PutUint64(s.page[:], uint64(s.pos))
		s.used = pageHead
	}
}

func (s *scriptWriter) word(v uint32) {
	s.room(1)
	binary.LittleEndian.PutUint32(s.page[s.used:], v)
	s.used += 4
}

func (s *scriptWriter) flush() {
	if s.used == 0 {
		return
	}
	clear(s.page[s.used:])
	s.write(s.page[:])
}

func (s *scriptWriter) write(p []byte) {
	if _, err := s.w.Write(p); err != nil && s.err == nil {
		s.err = err
	}
	s.used = 0
}

func (s *scriptWriter) record(v uint32, body []byte) {
	s.endRun()
	s.room(1 + (len(body)+3)/4)
	s.word(recordMark | v | uint32(len(body)))
	at := s.used
	s.used += (len(body) + 3) &^ 3
	clear(s.page[at:s.used])
	copy(s.page[at:], body)
}

func (s *scriptWriter) block(b *block) {
	v := uint32(b.kind) << kindShift
	if b.final {
		v |= finalMark
	}
	switch b.kind {
	case stored:
		s.record(v, []byte{byte(b.length), byte(b.length >> 8), b.pad})
		s.pos += int64(b.length)
	case fixed:
		s.record(v, nil)
	default:
		h := &b.header
		body := []byte{byte(h.nlit - 257), byte(h.ndist - 1), byte(h.ncl)}
		body = append(body, h.cl[:]...)
		for _, o := range h.ops {
			body = append(body, o.sym)
			if opExtra[o.sym] > 0 {
				body = append(body, o.extra)
			}
		}
		s.record(v, body)
	}
}

// close ends the script of a stream whose last byte is filled with pad.
func (s *scriptWriter) close(pad uint8) error {
	s.record(endRecord<<kindShift, []byte{pad})
	s.write(s.page[:s.used])
	return s.err
}

// scriptReader reads a script, from its beginning or from where seek went.
type scriptReader struct {
	script patch.Content
	buf    [pageSize]byte
	number int64  // of the page in buf, -1 for none
	at     int    // in buf, of the next word
	left   uint32 // literals left of a run
	pos    int64  // in the content, of the next token
}

func newScriptReader(script patch.Content) *scriptReader {
	return &scriptReader{script: script, number: -1, at: pageSize}
}

func (s *scriptReader) load(number int64) error {
	n, err := s.script.ReadAt(s.buf[:], number*pageSize)
	if err == io.EOF {
		err = nil
	}
	if err == nil && n < pageHead {
		err = errScript
	}
	if err != nil {
		s.number = -1
		return err
	}
	clear(s.buf[n:])
	s.number, s.at, s.left = number, pageHead, 0
	s.pos = int64(binary.LittleEndian.Uint64(s.buf[:]))
	return nil
}

// word is the next word that is no filling.
func (s *scriptReader) word() (uint32, error) {
	for {
		if s.at+4 > pageSize {
			if err := s.load(s.number + 1); err != nil {
				return 0, err
			}
		}
		v := binary.LittleEndian.Uint32(s.buf[s.at:])
		s.at += 4
		if v != 0 {
			return v, nil
		}
		s.at = pageSize
	}
}

// next is the next token. Where that is the end of a block, or of the stream,
// what follows is the record of it, which is its word and its body.
func (s *scriptReader) next() (t token, record uint32, body []byte, err error) {
	if s.left > 0 {
		s.left--
		s.pos++
		return literal, 0, nil, nil
	}
	v, err := s.word()
	if err != nil {
		return 0, 0, nil, err
	}
	switch v >> 30 {
	case 1:
		s.left = v&(literalRun-1) - 1
		s.pos++
		return literal, 0, nil, nil
	case 2:
		s.pos += int64(token(v).length())
		return token(v), 0, nil, nil
	}
	n := int(v & 0xffff)
	if s.at+n > pageSize {
		return 0, 0, nil, errScript
	}
	body = s.buf[s.at : s.at+n]
	s.at += (n + 3) &^ 3
	if v>>kindShift&3 == stored && n >= 2 {
		s.pos += int64(body[0]) | int64(body[1])<<8
	}
	return end, v, body, nil
}

// decode makes the block that a record tells of; false for the end of the stream.
func (b *block) decode(record uint32, body []byte) (bool, error) {
	b.kind, b.final = int(record>>kindShift&3), record&finalMark != 0
	switch {
	case b.kind == endRecord && len(body) == 1:
		b.pad = body[0]
		return false, nil
	case b.kind == stored && len(body) == 3:
		b.length, b.pad = int(body[0])|int(body[1])<<8, body[2]
	case b.kind == dynamic && len(body) > 22:
		h := &b.header
		h.nlit, h.ndist, h.ncl = int(body[0])+257, int(body[1])+1, int(body[2])
		copy(h.cl[:], body[3:])
		h.ops = h.ops[:0]
		for i := 22; i < len(body); i++ {
			o := op{sym: body[i]}
			if opExtra[o.sym] > 0 && i+1 < len(body) {
				i++
				o.extra = body[i]
			}
			h.ops = append(h.ops, o)
		}
		return true, h.expand()
	case b.kind == fixed:
	default:
		return false, errScript
	}
	return true, nil
}

// seek makes the next token the first that begins at pos of the content or behind it.
func (s *scriptReader) seek(pos int64) error {
	pages := (s.script.Size() + pageSize - 1) / pageSize
	var failed error
	number := int64(sort.Search(int(pages), func(i int) bool {
		var head [pageHead]byte
		if _, err := s.script.ReadAt(head[:], int64(i)*pageSize); err != nil && failed == nil {
			failed = err
		}
		return int64(binary.LittleEndian.Uint64(head[:])) > pos
	})) - 1
	if failed == nil {
		failed = s.load(max(number, 0))
	}
	return failed
}
