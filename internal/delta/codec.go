package delta

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"mirrord/internal/patch"
)

// kind is what a stream is, as a delta writes it down. A number is never used again
// for something else; what folds differently is another kind.
type kind uint8

const (
	// Of any encoder, told with its decisions.
	deflate kind = 1 // RFC 1951
	gzipped kind = 2 // the same, and behind it RFC 1952's CRC-32 and size
	xzKind  kind = 3 // one stream of the .xz format, LZMA2 alone

	// In the old file only, for what they hold.
	unpackedDeflate kind = 8
	unpackedGzip    kind = 9
	unpackedZstd    kind = 10 // to the end of what it lies in
	unpackedXZ      kind = 11

	// By an encoder of known decisions.
	goGzip kind = 16 // and the level, 1 to 9: Go's compress/flate, and behind it as for gzipped
	goZstd kind = 32 // and the level, 1 to 3: github.com/klauspost/compress/zstd
)

// codec unfolds one kind of stream and folds it again.
type codec struct {
	name string
	// family is that of streams whose decisions tell something about each other, ""
	// where a stream is made from its content alone.
	family string
	// decompose writes what the stream at r holds, and the decisions of its encoder. It
	// ends behind the stream's last byte, and fails where rebuild would not make it.
	decompose func(r *bufio.Reader, content, script io.Writer) error
	pack      func(w io.Writer, s stream) error
	rebuild   func(w io.Writer, packed io.Reader, s stream) error
}

// stream is what there is of a stream in the new file when it is packed and when it is
// rebuilt, when it has no script.
type stream struct {
	content, script       patch.Content
	oldContent, oldScript patch.Content // nil without an old stream of the family
	matches               []patch.Match
}

var codecs = func() map[kind]codec {
	all := map[kind]codec{
		deflate:         deflateCodec,
		gzipped:         gzipCodec,
		xzKind:          xzCodec,
		unpackedDeflate: {name: "deflate, unpacked", decompose: inflate},
		unpackedGzip:    {name: "gzip, unpacked", decompose: gunzip},
		unpackedZstd:    {name: "zstd, unpacked", decompose: unzstd},
		unpackedXZ:      {name: "xz, unpacked", decompose: unxz},
	}
	for level := 1; level <= 9; level++ {
		all[goGzip+kind(level)] = newGoGzip(level)
	}
	for level := zstd.SpeedFastest; level <= zstd.SpeedBetterCompression; level++ {
		all[goZstd+kind(level)] = newGoZstd(level)
	}
	return all
}()

func inflate(r *bufio.Reader, content, _ io.Writer) error {
	_, err := io.Copy(content, flate.NewReader(r))
	return err
}

func gunzip(r *bufio.Reader, content, script io.Writer) error {
	t := newTrailer()
	if err := inflate(r, io.MultiWriter(content, t), script); err != nil {
		return err
	}
	return t.follows(r)
}

var errTrailer = errors.New("a gzip stream whose trailer does not tell its content")

// trailer sums up what is written for a gzip stream's end: CRC-32 and size, each in 4
// bytes, little end first.
type trailer struct {
	crc  hash.Hash32
	size uint32
}

func newTrailer() *trailer { return &trailer{crc: crc32.NewIEEE()} }

func (t *trailer) Write(p []byte) (int, error) {
	t.size += uint32(len(p))
	return t.crc.Write(p)
}

func (t *trailer) bytes() []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, t.crc.Sum32()), t.size)
}

// follows reads a trailer and compares.
func (t *trailer) follows(r io.Reader) error {
	got := make([]byte, 8)
	if _, err := io.ReadFull(r, got); err != nil {
		return err
	}
	if !bytes.Equal(got, t.bytes()) {
		return errTrailer
	}
	return nil
}

// whole reads all of c in order.
func whole(c patch.Content) io.Reader { return io.NewSectionReader(c, 0, c.Size()) }
