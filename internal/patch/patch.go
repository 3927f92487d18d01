package patch

import (
	"errors"
	"fmt"
	"io"
)

// A Match says that Len bytes of the new content at New were made from those of
// the old at Old, most of them equal.
type Match struct{ Old, New, Len int64 }

// A Pair says where the same thing is likely to be in the old content and in
// the new: a hint.
type Pair struct{ Old, OldLen, New, NewLen int64 }

// A Content is bytes of a known size: an open file, or what is mapped of it.
type Content interface {
	io.ReaderAt
	Size() int64
}

// MaxMatches bounds what Make returns and Apply accepts.
const MaxMatches = 1 << 20

// ErrCorrupt is what every error of Apply wraps that comes of what the patch
// says, and not of reading or writing.
var ErrCorrupt = errors.New("corrupt patch")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// Make writes a patch to w that turns old into new, and tells what came from
// where: in order of New, without overlap, at most MaxMatches. Pairs that are
// out of range are left out, and those that lie cost bytes or time, no more.
// The same arguments give the same patch.
func Make(w io.Writer, old, new Content, pairs []Pair) ([]Match, error) {
	matches, err := find(old, new, pairs)
	if err != nil {
		return nil, err
	}
	if err := encode(w, old, new, matches); err != nil {
		return nil, err
	}
	return matches, nil
}

// readFull fills p from off. A content that ends early is an error.
func readFull(c Content, p []byte, off int64) error {
	n, err := c.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
