package flate

import (
	"bufio"
	"encoding/binary"
	"io"
)

// bitReader takes bits off r, and in the end has taken no byte more than it
// gave bits of.
type bitReader struct {
	r    *bufio.Reader
	acc  uint64 // the next n bits
	n    uint
	view []byte // what r has buffered; view[:at] is in acc or was given
	at   int
}

// fill makes acc hold 32 bits or more, or all that are left.
func (b *bitReader) fill() error {
	if len(b.view)-b.at >= 8 {
		b.acc |= binary.LittleEndian.Uint64(b.view[b.at:]) << b.n
		b.at += int(63-b.n) >> 3
		b.n |= 56
		return nil
	}
	return b.fillSlowly()
}

func (b *bitReader) fillSlowly() error {
	if err := b.release(); err != nil {
		return err
	}
	_, err := b.r.Peek(8) // makes it read on; at the end there are fewer
	if err != nil && err != io.EOF {
		return err
	}
	b.view, _ = b.r.Peek(b.r.Buffered())
	for b.n <= 56 && b.at < len(b.view) {
		b.acc |= uint64(b.view[b.at]) << b.n
		b.at++
		b.n += 8
	}
	return nil
}

// release gives whole bytes back that were not used, and what was used up.
func (b *bitReader) release() error {
	b.at -= int(b.n >> 3)
	b.n &= 7
	b.acc &= 1<<b.n - 1
	if b.n > 0 {
		b.at-- // the byte that is used in part stays unread for now
	}
	_, err := b.r.Discard(b.at)
	b.view, b.at = nil, 0
	if b.n > 0 {
		b.at = 1
	}
	return err
}

// bits takes n bits, 32 at most.
func (b *bitReader) bits(n uint) (uint32, error) {
	if b.n < n {
		if err := b.fill(); err != nil {
			return 0, err
		}
		if b.n < n {
			return 0, errShort
		}
	}
	v := uint32(b.acc & (1<<n - 1))
	b.drop(n)
	return v, nil
}

func (b *bitReader) drop(n uint) {
	b.acc >>= n
	b.n -= n
}

// align takes the bits up to the next whole byte.
func (b *bitReader) align() uint32 {
	v := uint32(b.acc) & (1<<(b.n&7) - 1)
	b.drop(b.n & 7)
	return v
}

// bitWriter writes bits to w. Errors stick.
type bitWriter struct {
	w    io.Writer
	acc  uint64
	n    uint // below 8 between calls
	buf  [1 << 15]byte
	used int
	err  error
}

// bits writes the n low bits of v, 48 at most; above them v is zero.
func (b *bitWriter) bits(v uint64, n uint) {
	b.acc |= v << b.n
	b.n += n
	if len(b.buf)-b.used < 8 {
		b.flush()
	}
	binary.LittleEndian.PutUint64(b.buf[b.used:], b.acc)
	b.used += int(b.n >> 3)
	b.acc >>= b.n &^ 7
	b.n &= 7
}

// align writes pad up to the next whole byte.
func (b *bitWriter) align(pad uint32) {
	free := -b.n & 7
	b.bits(uint64(pad&(1<<free-1)), free)
}

// write writes p behind bits that are aligned.
func (b *bitWriter) write(p []byte) {
	b.flush()
	if b.err == nil {
		_, b.err = b.w.Write(p)
	}
}

func (b *bitWriter) flush() {
	if b.err == nil && b.used > 0 {
		_, b.err = b.w.Write(b.buf[:b.used])
	}
	b.used = 0
}
