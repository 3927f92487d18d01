package tree

import (
	"errors"
	"fmt"
	"io"
)

// ErrTooLarge reports a file that is larger than its reader takes.
var ErrTooLarge = errors.New("it is too large")

func readAtMost(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)
	}
	return data, err
}
