package delta

import (
	"bufio"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is what an old stream may have a decoder remember. zstd -19 and what
// writes layers and packages ask for 8 MiB.
const maxZstdWindow = 16 << 20

// newGoZstd is a zstd stream that klauspost's encoder made, as docker and others have
// it make layers. Its best level takes more memory than Apply may.
func newGoZstd(level zstd.EncoderLevel) codec {
	return codec{
		name:      fmt.Sprintf("zstd, klauspost's encoder at level %d", level),
		decompose: unzstd,
		pack:      func(io.Writer, stream) error { return nil },
		rebuild: func(w io.Writer, _ io.Reader, s stream) error {
			encoder, err := zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1))
			if err != nil {
				return err
			}
			_, err = io.Copy(encoder, whole(s.content))
			if closed := encoder.Close(); err == nil {
				err = closed
			}
			return err
		},
	}
}

// unzstd reads frames up to the end of r.
func unzstd(r *bufio.Reader, content, _ io.Writer) error {
	decoder, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return err
	}
	defer decoder.Close()
	_, err = io.Copy(content, decoder)
	return err
}
