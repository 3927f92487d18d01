package lzma

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Decompose reads an xz stream, and ends behind its last byte: padding or a
// further stream may follow. It writes the stream's content, and a script of
// all else that the stream is made of, from which Pack and a later stream's
// Pack and Rebuild work. The script is not longer than three times the content
// and a little more for each block and chunk. What Decompose accepts can be
// rebuilt to the bit. It needs memory for the dictionary, of at most 64 MiB,
// and a quarter of it more.
//
// Its errors are ErrFormat for bytes that are no xz stream or a damaged one,
// ErrUnsupported for filters, checks, sizes and endings that are not replayed,
// and those of r and of the writers.
func Decompose(r *bufio.Reader, content, script io.Writer) error {
	d := &decomposer{in: r, content: content}
	head := make([]byte, streamHeaderSize)
	if err := d.read(head); err != nil {
		return err
	}
	var err error
	if d.check, err = parseStreamHeader(head); err != nil {
		return err
	}
	d.script = newRecorder(script, d.check)
	for {
		first, err := d.byte()
		if err != nil {
			return err
		}
		if first == 0 {
			break
		}
		if err := d.block(first); err != nil {
			return fmt.Errorf("block %d: %w", len(d.index.sizes), err)
		}
	}
	if err := d.tail(); err != nil {
		return err
	}
	return d.script.end()
}

type decomposer struct {
	in      *bufio.Reader
	n       uint64 // bytes read
	content io.Writer
	script  *recorder
	check   check
	index   index

	// Of the present block.
	codec  codec
	window *window
	dict   int64 // bytes
	begin  int64 // where the dictionary begins in the content
	sum    hash.Hash

	packed [maxPacked + overshoot]byte
}

func (d *decomposer) read(b []byte) error {
	n, err := io.ReadFull(d.in, b)
	d.n += uint64(n)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("cut off after %d bytes", d.n)
	}
	return err
}

func (d *decomposer) byte() (byte, error) {
	var b [1]byte
	err := d.read(b[:])
	return b[0], err
}

// tail reads index and footer, whose first byte is read.
func (d *decomposer) tail() error {
	want := d.index.bytes(d.check)[1:]
	got := make([]byte, len(want))
	if err := d.read(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return malformed("index does not match the blocks")
	}
	return nil
}

func (d *decomposer) block(first byte) error {
	start := d.n - 1
	head := make([]byte, (int(first)+1)*4)
	head[0] = first
	if err := d.read(head[1:]); err != nil {
		return err
	}
	h, err := parseBlockHeader(head)
	if err != nil {
		return err
	}
	d.script.block(h)
	d.open(&h)
	data, pos := d.n, d.window.pos()
	if err := d.data(); err != nil {
		return err
	}
	packed, plain := d.n-data, uint64(d.window.pos()-pos)
	if h.sized && h.packed != packed || h.content && h.plain != plain {
		return malformed("%d bytes of %d in a block of %d of %d", packed, plain, h.packed, h.plain)
	}
	want := append(make([]byte, padding(packed)), d.check.sum(d.sum)...)
	got := make([]byte, len(want))
	if err := d.read(got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return malformed("check does not match the content")
	}
	d.script.blockEnd()
	return d.index.add(d.n-start-uint64(padding(packed)), plain)
}

// open is ready for a block's data.
func (d *decomposer) open(h *blockHeader) {
	d.dict = h.dictSize()
	if d.window == nil || d.window.keep < int(d.dict) {
		w := blankWindow(int(d.dict))
		if d.window != nil {
			w.base = d.window.pos()
		}
		d.window = w
	}
	d.sum, _ = d.check.hash()
}

// data reads a block's chunks.
func (d *decomposer) data() error {
	begun, known := false, false
	for {
		b, err := d.byte()
		if err != nil || b == 0 {
			return err
		}
		c, packed, err := d.chunkHeader(b)
		if err != nil {
			return err
		}
		if err := c.check(begun, known); err != nil {
			return err
		}
		known = known && c.reset != resetDict || !c.raw && c.reset >= resetProps
		begun = true
		if c.reset == resetDict {
			d.begin = d.window.pos()
		}
		d.script.chunk(c)
		d.window.advance(c.plain)
		if c.raw {
			err = d.raw(c)
		} else {
			err = d.chunk(c, packed)
		}
		if err != nil {
			return err
		}
		if err := d.emit(c.plain); err != nil {
			return err
		}
	}
}

// chunkHeader reads the rest of a chunk's header.
func (d *decomposer) chunkHeader(b byte) (c chunk, packed int, err error) {
	var buf [5]byte
	if b < 0x80 {
		if b > 2 {
			return c, 0, malformed("chunk of kind %d", b)
		}
		err = d.read(buf[:2])
		c = chunk{raw: true, plain: int(buf[0])<<8 + int(buf[1]) + 1}
		if b == 1 {
			c.reset = resetDict
		}
		return c, 0, err
	}
	c.reset = reset(b >> 5 & 3)
	n := 4
	if c.reset >= resetProps {
		n = 5
	}
	err = d.read(buf[:n])
	c.plain = int(b&0x1f)<<16 + int(buf[0])<<8 + int(buf[1]) + 1
	packed = int(buf[2])<<8 + int(buf[3]) + 1
	if c.reset >= resetProps && err == nil {
		var ok bool
		if c.props, ok = parseProps(buf[4]); !ok {
			err = malformed("chunk properties %#x", buf[4])
		}
	}
	return c, packed, err
}

func (d *decomposer) raw(c chunk) error {
	w := d.window
	if err := d.read(w.buf[w.at : w.at+c.plain]); err != nil {
		return err
	}
	w.at += c.plain
	w.end = w.at
	return nil
}

func (d *decomposer) chunk(c chunk, packed int) error {
	if packed < 5 {
		return malformed("chunk of %d bytes", packed)
	}
	if err := d.read(d.packed[:packed]); err != nil {
		return err
	}
	clear(d.packed[packed : packed+overshoot])
	m, w := &d.codec, d.window
	if c.reset >= resetProps {
		m.props = c.props
	}
	if c.reset != resetNothing {
		m.reset()
	}
	if !m.rc.read(d.packed[:packed+overshoot]) {
		return unsupported("chunk that does not begin with a zero")
	}
	for end := w.at + c.plain; w.at < end; {
		pos := w.pos() - d.begin
		x := m.decide(decision{}, w, pos)
		if m.rc.next > packed {
			return malformed("chunk ends before its content")
		}
		if x.kind == literal {
			w.at++
			w.end = w.at
		} else if far := int64(x.dist) - 1; far < 0 || far >= min(pos, d.dict) || int(x.len) > end-w.at {
			return malformed("match of %d bytes at distance %d, at %d", x.len, x.dist, pos)
		} else {
			w.repeat(x.dist, int(x.len))
		}
		d.script.decision(x)
	}
	// Only then the encoder's last bytes are those that finish gives.
	if m.rc.next != packed || m.rc.code != 0 {
		return unsupported("chunk that ends in an unusual way")
	}
	return nil
}

// emit hands on the last n bytes.
func (d *decomposer) emit(n int) error {
	b := d.window.buf[d.window.at-n : d.window.at]
	if d.sum != nil {
		d.sum.Write(b)
	}
	if _, err := d.content.Write(b); err != nil {
		return err
	}
	return d.script.err
}
