package delta

import (
	"bufio"
	"compress/flate"
	"fmt"
	"io"
)

// newGoGzip is what is behind the header of a gzip stream that Go's encoder made, as
// docker and others have it make layers: of such a stream only the level is sent.
// That it is the same encoder on both sides is not taken on trust; the target's digest
// tells.
func newGoGzip(level int) codec {
	return codec{
		name:      fmt.Sprintf("gzip, Go's encoder at level %d", level),
		decompose: gunzip,
		pack:      func(io.Writer, stream) error { return nil },
		rebuild: func(w io.Writer, _ io.Reader, s stream) error {
			encoder, err := flate.NewWriter(w, level)
			if err != nil {
				return err
			}
			if _, err := io.Copy(encoder, whole(s.content)); err != nil {
				return err
			}
			if err := encoder.Close(); err != nil {
				return err
			}
			return trailerOf(w, s.content)
		},
	}
}

// same is a Writer that fails at the first byte that is not want's next.
type same struct {
	want *bufio.Reader
}

func (s same) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		got, err := s.want.Peek(min(len(p)-n, s.want.Size()))
		if err != nil && len(got) == 0 {
			return n, errDiffers
		}
		if string(got) != string(p[n:n+len(got)]) {
			return n, errDiffers
		}
		n += len(got)
		s.want.Discard(len(got))
	}
	return len(p), nil
}
