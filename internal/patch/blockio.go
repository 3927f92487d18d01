package patch

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxBlock bounds what one block holds, and so what Apply allocates.
const maxBlock = 4 << 20

// A packer writes blocks, as the package's comment has them.
type packer struct {
	w   *bufio.Writer
	enc *zstd.Encoder
	buf []byte
}

func newPacker(w io.Writer) (*packer, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(maxBlock))
	if err != nil {
		return nil, err
	}
	return &packer{w: bufio.NewWriter(w), enc: enc}, nil
}

func (p *packer) block(data []byte) error {
	var head [2 * binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(data)))
	if len(data) == 0 {
		_, err := p.w.Write(head[:n])
		return err
	}
	p.buf = p.enc.EncodeAll(data, p.buf[:0])
	if len(p.buf) >= len(data) {
		p.buf = append(p.buf[:0], data...)
	}
	n += binary.PutUvarint(head[n:], uint64(len(p.buf)))
	if _, err := p.w.Write(head[:n]); err != nil {
		return err
	}
	_, err := p.w.Write(p.buf)
	return err
}

// An unpacker reads blocks.
type unpacker struct {
	r   *bufio.Reader
	dec *zstd.Decoder
	buf []byte
}

func newUnpacker(r io.Reader) (*unpacker, error) {
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxBlock),
		zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	return &unpacker{r: bufio.NewReader(r), dec: dec}, nil
}

// uvarint reads a number that is at most limit.
func (u *unpacker) uvarint(limit int64, what string) (int64, error) {
	v, err := binary.ReadUvarint(u.r)
	switch {
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return 0, corrupt("it ends before %s", what)
	case err != nil:
		return 0, err
	case v > uint64(limit):
		return 0, corrupt("%s is %d, at most %d was expected", what, v, limit)
	}
	return int64(v), nil
}

// block reads one into the memory of p, which is made larger only as the block
// is, and that by no more than limit.
func (u *unpacker) block(p []byte, limit int) ([]byte, error) {
	held, err := u.uvarint(int64(limit), "a block's size")
	if err != nil || held == 0 {
		return p[:0], err
	}
	packed, err := u.uvarint(held, "a block's packed size")
	if err != nil {
		return nil, err
	}
	if packed == held {
		p = grow(p, int(held))
		return p, u.full(p)
	}
	u.buf = grow(u.buf, int(packed))
	if err := u.full(u.buf); err != nil {
		return nil, err
	}
	p = grow(p, int(held))
	out, err := u.dec.DecodeAll(u.buf, p[:0:held])
	if err != nil {
		return nil, corrupt("a block: %v", err)
	}
	if int64(len(out)) != held {
		return nil, corrupt("a block holds %d bytes, %d were expected", len(out), held)
	}
	return out, nil
}

// full reads all of p, which the patch promised.
func (u *unpacker) full(p []byte) error {
	_, err := io.ReadFull(u.r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return corrupt("it ends within a block")
	}
	return err
}
