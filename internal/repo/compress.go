package repo

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
	"github.com/pierrec/lz4/v4"
)

// MaxDecompressed is how many bytes an index may unpack to: more than ten times
// the largest Packages file of Debian or Ubuntu (80 MB), and at the speed of the
// slowest decoder a bomb is cut off within about 15 s.
const MaxDecompressed = 1 << 30

// The largest windows that decoders may allocate. xz -9 asks for 64 MiB, zstd
// takes up to 128 MiB without being told --memory.
const (
	maxXZDict     = 64 << 20
	maxZstdWindow = 128 << 20
)

type opener func(io.Reader) (io.ReadCloser, error)

var decoders = map[string]opener{
	".xz":  openXZ,
	".gz":  openGzip,
	".zst": openZstd,
	".bz2": func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil },
	".lz4": func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(lz4.NewReader(r)), nil },
}

// Decompress unpacks r as the extension of name tells; without a known one the
// bytes pass as they are. Reading past MaxDecompressed gives ErrTooLarge. Closing
// frees the decoder; r stays the caller's to close.
func Decompress(name string, r io.Reader) (io.ReadCloser, error) {
	return decompress(name, r, MaxDecompressed)
}

// TrimCompression takes the extension off that Decompress would act on.
func TrimCompression(name string) string {
	ext := path.Ext(name)
	if _, known := decoders[ext]; !known {
		return name
	}
	return strings.TrimSuffix(name, ext)
}

func decompress(name string, r io.Reader, limit int64) (io.ReadCloser, error) {
	plain := io.NopCloser(r)
	if open, known := decoders[path.Ext(name)]; known {
		var err error
		if plain, err = open(r); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, midStream(err))
		}
	}
	return &limited{ReadCloser: plain, name: name, left: limit}, nil
}

func openXZ(r io.Reader) (io.ReadCloser, error) {
	dec, err := xz.NewReader(r, maxXZDict)
	return io.NopCloser(dec), err
}

func openGzip(r io.Reader) (io.ReadCloser, error) {
	return gzip.NewReader(r)
}

func openZstd(r io.Reader) (io.ReadCloser, error) {
	dec, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(MaxDecompressed))
	if err != nil {
		return nil, err
	}
	return dec.IOReadCloser(), nil
}

// midStream tells an input that ends before its header from one that is whole.
func midStream(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// limited ends a stream of more than left bytes with ErrTooLarge.
type limited struct {
	io.ReadCloser
	name string
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left+1)])
	if int64(n) > l.left {
		n, l.left = int(l.left), 0
		return n, fmt.Errorf("unpack %s: %w", l.name, ErrTooLarge)
	}
	l.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("unpack %s: %w", l.name, err)
	}
	return n, err
}
