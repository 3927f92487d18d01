package dcz

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/digest"

	"github.com/klauspost/compress/zstd"
)

const (
	// MinSize is the least content that is coded, in bytes: of less there is little to save.
	MinSize = 16 << 10
	// MaxSize is the largest content and the largest dictionary, in bytes. Both are in
	// memory while they are coded. Debian's Packages have 50 MB.
	MaxSize = 96 << 20
)

// windowOf is what every client must be able to keep of what it decodes (RFC 9842, 5): 8
// MB, or a quarter more than the dictionary, 128 MB at most. The RFC does not say whether
// MB are 10^6 or 2^20: what is made here keeps to the former, what is read to the latter.
func windowOf(dictionary, least, most int64) int64 {
	return min(max(least, dictionary+dictionary/4), most)
}

// magic begins a coded body: the header of a frame that zstd skips, of 32 bytes.
var magic = []byte{0x5e, 0x2a, 0x4d, 0x18, 32, 0, 0, 0}

// Fits reports that content of that size, in bytes, may be coded with a dictionary of
// that size: every client can decode it, and here it takes no more memory than it may.
// The whole content is the frame's window, so that all of the dictionary stays in reach.
func Fits(dictionary, content int64) bool {
	window := windowOf(dictionary, 8_000_000, 128_000_000)
	return dictionary >= MinSize && dictionary <= MaxSize && content >= MinSize && content <= MaxSize && content < window
}

var (
	// ErrDictionary reports coded bytes that name another dictionary.
	ErrDictionary = errors.New("coded with another dictionary")
	// ErrFrame reports coded bytes that are not, or not of the size expected.
	ErrFrame = errors.New("not a dcz body")
)

// header is what comes before the frame.
func header(dictionary digest.Digest) []byte {
	sum, _ := hex.DecodeString(dictionary.Hex())
	return append(bytes.Clone(magic), sum...)
}

// Decode gives the content of size bytes that was coded with the dictionary, which has
// that digest. It takes memory for a client's window, whatever the frame claims.
// Reading gives ErrFrame where the bytes are no frame, or not of that size. Closing frees
// the decoder; r stays the caller's.
func Decode(r io.Reader, dictionary []byte, named digest.Digest, size int64) (io.ReadCloser, error) {
	want := header(named)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil {
		return nil, fmt.Errorf("%w: its header: %w", ErrFrame, err)
	}
	switch {
	case !bytes.HasPrefix(got, magic):
		return nil, fmt.Errorf("%w: it begins with %x, expected %x", ErrFrame, got[:len(magic)], magic)
	case !bytes.Equal(got, want):
		return nil, fmt.Errorf("%w: %x, expected %s", ErrDictionary, got[len(magic):], named)
	}
	window := uint64(windowOf(int64(len(dictionary)), 8<<20, 128<<20))
	dec, err := zstd.NewReader(r, zstd.WithDecoderDictRaw(0, dictionary), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(window), zstd.WithDecoderMaxMemory(max(window, uint64(size))))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return &content{dec: dec, left: size}, nil
}

// content ends at the size that was told, and nowhere else.
type content struct {
	dec  *zstd.Decoder
	left int64
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.dec.Read(p[:min(int64(len(p)), c.left+1)])
	if int64(n) > c.left {
		n, c.left = int(c.left), 0
		return n, fmt.Errorf("%w: it goes on behind its end", ErrFrame)
	}
	c.left -= int64(n)
	switch {
	case err == io.EOF && c.left > 0:
		err = fmt.Errorf("%w: %d bytes are missing: %w", ErrFrame, c.left, io.ErrUnexpectedEOF)
	case err != nil && err != io.EOF:
		err = fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return n, err
}

func (c *content) Close() error {
	c.dec.Close()
	return nil
}
