package lzma

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
)

// ErrUnsupported is that of a stream that is, or may be, a right one, but is
// not of the kind that is replayed.
var ErrUnsupported = errors.New("xz: unsupported")

// ErrFormat is that of bytes that are no xz stream, or a damaged one.
var ErrFormat = errors.New("xz: bad stream")

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsupported}, args...)...)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

// Limits on what a stream asks for.
const (
	maxDict   = 64 << 20 // what xz -9 asks for
	maxBlocks = 1 << 18  // some 40 bytes of memory each
	maxChunk  = 1 << 21  // of content; the format's own
	maxPacked = 1 << 16  // of a chunk; the format's own
)

var (
	streamMagic = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	footerMagic = []byte{'Y', 'Z'}
	ecma        = crc64.MakeTable(crc64.ECMA)
)

const (
	streamHeaderSize = 12
	maxHeaderSize    = 1024 // of a block
	lzma2Filter      = 0x21
)

// A check is the number of the sum that stands behind each block.
type check byte

const (
	checkNone   check = 0
	checkCRC32  check = 1
	checkCRC64  check = 4
	checkSHA256 check = 10
)

// hash is nil where there is no check; ok is false where it is not known.
func (c check) hash() (h hash.Hash, ok bool) {
	switch c {
	case checkNone:
		return nil, true
	case checkCRC32:
		return crc32.NewIEEE(), true
	case checkCRC64:
		return crc64.New(ecma), true
	case checkSHA256:
		return sha256.New(), true
	}
	return nil, false
}

// sum is what stands behind a block.
func (c check) sum(h hash.Hash) []byte {
	switch h := h.(type) {
	case nil:
		return nil
	case hash.Hash32:
		return binary.LittleEndian.AppendUint32(nil, h.Sum32())
	case hash.Hash64:
		return binary.LittleEndian.AppendUint64(nil, h.Sum64())
	}
	return h.Sum(nil)
}

func appendCRC(b, of []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(of))
}

// header is the stream's first bytes.
func (c check) header() []byte {
	flags := []byte{0, byte(c)}
	return appendCRC(append(bytes.Clone(streamMagic), flags...), flags)
}

func parseStreamHeader(b []byte) (check, error) {
	if !bytes.Equal(b[:6], streamMagic) {
		return 0, malformed("no xz magic")
	}
	c := check(b[7])
	if !bytes.Equal(b, c.header()) {
		return 0, malformed("stream header %x", b)
	}
	if _, ok := c.hash(); !ok {
		return 0, unsupported("check %d", c)
	}
	return c, nil
}

// A blockHeader is what a block says before its data.
type blockHeader struct {
	size    int    // of the header, in bytes
	dict    uint8  // size of the dictionary, as the format writes it
	sized   bool   // packed is told
	content bool   // unpacked is told
	packed  uint64 // bytes of the data
	plain   uint64 // bytes of the content
}

// dictSize is in bytes.
func (h *blockHeader) dictSize() int64 {
	if h.dict == 40 {
		return 1<<32 - 1
	}
	return int64(2|h.dict&1) << (h.dict/2 + 11)
}

// bytes is nil where the header cannot be of its size.
func (h *blockHeader) bytes() []byte {
	b := []byte{byte(h.size/4 - 1), 0}
	if h.sized {
		b[1] |= 0x40
		b = binary.AppendUvarint(b, h.packed)
	}
	if h.content {
		b[1] |= 0x80
		b = binary.AppendUvarint(b, h.plain)
	}
	b = append(b, lzma2Filter, 1, h.dict)
	padding := h.size - 4 - len(b)
	if h.size%4 != 0 || h.size > maxHeaderSize || padding < 0 {
		return nil
	}
	b = append(b, make([]byte, padding)...)
	return appendCRC(b, b)
}

// parseBlockHeader takes a whole header.
func parseBlockHeader(b []byte) (h blockHeader, err error) {
	body := b[:len(b)-4]
	if !bytes.Equal(appendCRC(nil, body), b[len(b)-4:]) {
		return h, malformed("block header: sum does not match")
	}
	h = blockHeader{size: len(b), sized: b[1]&0x40 != 0, content: b[1]&0x80 != 0}
	rest := body[2:]
	for _, field := range []struct {
		there bool
		to    *uint64
	}{{h.sized, &h.packed}, {h.content, &h.plain}} {
		if !field.there {
			continue
		}
		v, n := binary.Uvarint(rest)
		if n <= 0 || v >= 1<<63 {
			return h, malformed("block header: bad size")
		}
		*field.to, rest = v, rest[n:]
	}
	if b[1]&3 != 0 {
		return h, unsupported("%d filters before LZMA2", b[1]&3)
	}
	if len(rest) < 3 || rest[0] != lzma2Filter {
		return h, unsupported("filter other than LZMA2")
	}
	if h.dict = rest[2]; h.dict > 40 {
		return h, malformed("block header: dictionary size %d", h.dict)
	}
	if h.dictSize() > maxDict {
		return h, unsupported("dictionary of %d bytes; at most %d", h.dictSize(), maxDict)
	}
	if !bytes.Equal(h.bytes(), b) {
		return h, malformed("block header %x", b)
	}
	return h, nil
}

// An index is the list of blocks at a stream's end.
type index struct{ sizes [][2]uint64 }

// add notes a block: the bytes of its header, data and check, and of its content.
func (x *index) add(unpadded, plain uint64) error {
	if len(x.sizes) >= maxBlocks {
		return unsupported("more than %d blocks", maxBlocks)
	}
	x.sizes = append(x.sizes, [2]uint64{unpadded, plain})
	return nil
}

// bytes is all that stands behind the last block: the index and the stream's footer.
func (x *index) bytes(c check) []byte {
	b := binary.AppendUvarint([]byte{0}, uint64(len(x.sizes)))
	for _, s := range x.sizes {
		b = binary.AppendUvarint(b, s[0])
		b = binary.AppendUvarint(b, s[1])
	}
	b = append(b, make([]byte, padding(uint64(len(b))))...)
	b = appendCRC(b, b)
	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(b)/4-1))
	footer = append(footer, 0, byte(c))
	b = appendCRC(b, footer)
	return append(append(b, footer...), footerMagic...)
}

// padding is how many zeros bring n to a multiple of four.
func padding(n uint64) int { return int(-n & 3) }

// A chunk is a run of LZMA2 data.
type chunk struct {
	raw   bool  // stored as it is
	reset reset // what is forgotten before it
	props props // where reset says so
	plain int   // bytes of content
}

// reset is what is forgotten before a chunk. A raw one forgets nothing or the
// dictionary.
type reset uint8

const (
	resetNothing reset = iota
	resetState
	resetProps
	resetDict
)

// check tells a chunk that cannot follow on a block's beginning, or on what
// forgot the dictionary and had no properties yet.
func (c chunk) check(begun, known bool) error {
	switch {
	case !begun && c.reset != resetDict:
		return malformed("first chunk of a block keeps the dictionary")
	case c.raw && c.reset != resetNothing && c.reset != resetDict:
		return malformed("raw chunk resets %d", c.reset)
	case !c.raw && c.reset < resetProps && !known:
		return malformed("chunk without properties")
	}
	return nil
}

// header is the chunk's first bytes; packed is its size, of a raw one nothing.
func (c chunk) header(packed int) []byte {
	n := c.plain - 1
	if c.raw {
		b := byte(2)
		if c.reset == resetDict {
			b = 1
		}
		return []byte{b, byte(n >> 8), byte(n)}
	}
	b := []byte{0x80 | byte(c.reset)<<5 | byte(n>>16), byte(n >> 8), byte(n), byte((packed - 1) >> 8), byte(packed - 1)}
	if c.reset >= resetProps {
		b = append(b, c.props.byte())
	}
	return b
}
