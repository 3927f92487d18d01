package apt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/repo"
)

// lineBuffer is the longest line that is kept whole. Values of use (a path, a
// size, a hash) are far shorter; the tails of longer lines (Depends and Provides
// of 100 KB and more are in real archives) are passed over unread.
const lineBuffer = 64 << 10

// line is one line of a deb822 file. Its slices live until the next call of next.
type line struct {
	name  []byte // the field's name; empty on a continuation line
	value []byte // without the white space around it
	end   bool   // a stanza ends here; name and value are empty
	cut   bool   // value is only the beginning of a line beyond lineBuffer
}

// scanner reads deb822 line by line, in the memory of one line whatever the
// stanza's length.
type scanner struct {
	in     *bufio.Reader
	number int  // of the line last read, from 1
	open   bool // within a stanza
	inLine bool // the rest of the line last read is still to come
}

func newScanner(r io.Reader) *scanner {
	return &scanner{in: bufio.NewReaderSize(r, lineBuffer)}
}

// next gives the next line, io.EOF after the end of the last stanza. Comments and
// repeated blank lines are passed over.
func (s *scanner) next() (line, error) {
	for {
		text, cut, err := s.read()
		if errors.Is(err, io.EOF) && s.open {
			s.open = false
			return line{end: true}, nil
		}
		if err != nil {
			return line{}, err
		}
		switch {
		case len(bytes.TrimRight(text, " \t")) == 0:
			if s.open {
				s.open = false
				return line{end: true}, nil
			}
		case text[0] == '#':
		default:
			return s.parse(text, cut)
		}
	}
}

func (s *scanner) parse(text []byte, cut bool) (line, error) {
	if text[0] == ' ' || text[0] == '\t' {
		if !s.open {
			return line{}, s.errorf(text)
		}
		return line{value: bytes.TrimSpace(text), cut: cut}, nil
	}
	colon := bytes.IndexByte(text, ':')
	if colon <= 0 || bytes.IndexByte(text[:colon], ' ') >= 0 {
		return line{}, s.errorf(text)
	}
	s.open = true
	return line{name: text[:colon], value: bytes.TrimSpace(text[colon+1:]), cut: cut}, nil
}

func (s *scanner) errorf(text []byte) error {
	return fmt.Errorf("%w: line %d is no field: %.40q", repo.ErrFormat, s.number, text)
}

// read gives one line without its end, only its beginning where it does not fit
// the buffer.
func (s *scanner) read() (text []byte, cut bool, err error) {
	for s.inLine {
		_, err := s.in.ReadSlice('\n')
		if s.inLine = errors.Is(err, bufio.ErrBufferFull); !s.inLine && err != nil {
			return nil, false, err
		}
	}
	text, err = s.in.ReadSlice('\n')
	s.number++
	s.inLine = errors.Is(err, bufio.ErrBufferFull)
	if s.inLine || errors.Is(err, io.EOF) && len(text) > 0 {
		err = nil
	}
	return bytes.TrimRight(text, "\r\n"), s.inLine, err
}
