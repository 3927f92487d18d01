package dcz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/digest"
)

// ErrTooLarge reports that the coded bytes would be more than they may be.
var ErrTooLarge = errors.New("the difference is too large")

// Encode codes content with a dictionary, which has that digest, in at most most bytes, else
// ErrTooLarge. What it gives was decoded again, by another's decoder, and was right.
func Encode(dictionary []byte, named digest.Digest, content []byte, most int) ([]byte, error) {
	coded, err := appendFrame(header(named), dictionary, content, most)
	if err != nil {
		return nil, err
	}
	return coded, check(coded, dictionary, named, content)
}

// The header of a zstd frame (RFC 8878, 3.1.1): its content is one segment, whose size
// stands in four bytes; no checksum, a digest will judge.
var (
	frameMagic      = []byte{0x28, 0xb5, 0x2f, 0xfd}
	frameDescriptor = byte(2<<6 | 1<<5)
)

func appendFrame(to, dictionary, content []byte, most int) ([]byte, error) {
	to = append(append(to, frameMagic...), frameDescriptor)
	to = binary.LittleEndian.AppendUint32(to, uint32(len(content)))
	p, w := newParser(dictionary, content), newBlockWriter()
	for start, last := 0, false; !last; {
		end := min(start+blockMax, len(content))
		last = end == len(content)
		to = w.append(to, content[start:end], p.parse(start, end), last)
		if len(to) > share(most, end, len(content)) {
			return nil, fmt.Errorf("%w: %d bytes after %d of %d, expected at most %d in all", ErrTooLarge, len(to), end, len(content), most)
		}
		start = end
	}
	return to, nil
}

// share is how much of most may be used up after done of all bytes: a quarter at once, and
// the rest as it goes. What has little in common with its dictionary takes fifty times as
// long as what has much, and is given up early.
func share(most, done, all int) int {
	return most/4 + int(float64(most-most/4)*float64(done)/float64(max(all, 1)))
}

// check decodes what was coded.
func check(coded, dictionary []byte, named digest.Digest, content []byte) error {
	r, err := Decode(bytes.NewReader(coded), dictionary, named, int64(len(content)))
	if err != nil {
		return err
	}
	defer r.Close()
	left := &comparer{content}
	if _, err = io.Copy(left, r); err == nil && len(left.rest) > 0 {
		err = errOther
	}
	return err
}

var errOther = fmt.Errorf("%w: it decodes to something else", ErrFrame)

// comparer takes what it expects and nothing else.
type comparer struct{ rest []byte }

func (c *comparer) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(c.rest, p) {
		return 0, errOther
	}
	c.rest = c.rest[len(p):]
	return len(p), nil
}
