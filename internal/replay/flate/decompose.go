package flate

import (
	"bufio"
	"fmt"
	"io"
)

// Decompose reads a deflate stream from r and writes what it holds to content
// and how it says it to script. It ends behind the stream's last byte. What is
// no deflate stream, or ends too early, is an error; both outputs are then worthless.
func Decompose(r *bufio.Reader, content, script io.Writer) error {
	d := &decomposer{in: bitReader{r: r}, content: content, script: scriptWriter{w: script}}
	for {
		if err := d.block(); err != nil {
			return err
		}
		if d.b.final {
			break
		}
	}
	pad := d.in.align()
	if err := d.in.release(); err != nil {
		return err
	}
	if _, err := content.Write(d.out[d.sent:d.at]); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	if err := d.script.close(uint8(pad)); err != nil {
		return fmt.Errorf("script: %w", err)
	}
	return nil
}

// decomposer keeps what was read last in out, for matches to copy from: out[:at]
// is read, of which out[:sent] was written to content.
type decomposer struct {
	in            bitReader
	content       io.Writer
	script        scriptWriter
	b             block
	lit, dist, cl decoder
	out           [1 << 18]byte
	at, sent      int
}

// room makes out take n bytes more, n being less than three quarters of it.
func (d *decomposer) room(n int) error {
	if d.at+n <= len(d.out) {
		return nil
	}
	if _, err := d.content.Write(d.out[d.sent:d.at]); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	d.at = copy(d.out[:], d.out[d.at-windowSize:d.at])
	d.sent = d.at
	return nil
}

func (d *decomposer) block() error {
	v, err := d.in.bits(3)
	if err != nil {
		return err
	}
	d.b.final, d.b.kind = v&1 != 0, int(v>>1)
	switch d.b.kind {
	case stored:
		return d.stored()
	case fixed:
		lit, dist := fixedLengths()
		return d.coded(lit, dist)
	case dynamic:
		h := &d.b.header
		if err := h.read(&d.in, &d.cl); err != nil {
			return err
		}
		return d.coded(h.lit(), h.dist())
	}
	return ErrFormat
}

func (d *decomposer) stored() error {
	d.b.pad = uint8(d.in.align())
	v, err := d.in.bits(32)
	if err != nil {
		return err
	}
	d.b.length = int(v & maxStored)
	if uint16(v>>16) != ^uint16(v) {
		return ErrFormat
	}
	d.script.block(&d.b)
	if err := d.room(d.b.length); err != nil {
		return err
	}
	if err := d.in.release(); err != nil {
		return err
	}
	n, err := io.ReadFull(d.in.r, d.out[d.at:d.at+d.b.length])
	d.at += n
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errShort
	}
	return err
}

// coded reads a block of Huffman codes.
func (d *decomposer) coded(lit, dist []uint8) error {
	if err := d.lit.init(lit); err != nil {
		return err
	}
	if err := d.dist.init(dist); err != nil {
		return err
	}
	d.script.block(&d.b)
	for {
		if d.at+maxMatch > len(d.out) {
			if err := d.room(maxMatch); err != nil {
				return err
			}
		}
		sym, err := d.lit.next(&d.in)
		switch {
		case err != nil:
			return err
		case sym < endOfBlock:
			d.out[d.at] = byte(sym)
			d.at++
			d.script.token(literal)
		case sym == endOfBlock:
			return nil
		default:
			if err := d.match(sym - endOfBlock - 1); err != nil {
				return err
			}
		}
	}
}

// match reads the rest of a match, whose length has the given code.
func (d *decomposer) match(code int) error {
	if code >= len(lengthCodes) {
		return ErrFormat
	}
	length := lengthCodes[code].base
	extra, err := d.in.bits(lengthCodes[code].extra)
	if err != nil {
		return err
	}
	length += int(extra)
	sym, err := d.dist.next(&d.in)
	if err != nil {
		return err
	}
	if sym >= maxDist {
		return ErrFormat
	}
	extra, err = d.in.bits(distCodes[sym].extra)
	if err != nil {
		return err
	}
	dist := distCodes[sym].base + int(extra)
	if dist > d.at {
		return ErrFormat
	}
	t := match(length, dist)
	if length == maxMatch && code < 28 {
		t |= longBit
	}
	d.script.token(t)
	copyMatch(d.out[d.at-dist:], dist, length)
	d.at += length
	return nil
}

// copyMatch repeats what b begins with, dist bytes, behind it, for length bytes.
func copyMatch(b []byte, dist, length int) {
	if dist >= length {
		copy(b[dist:dist+length], b)
		return
	}
	for to := dist; to < dist+length; {
		to += copy(b[to:dist+length], b[:to])
	}
}
