package rpm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirrord/internal/repo"
)

const (
	// tagBuffer is the longest tag, in bytes. The longest real ones hold a path.
	tagBuffer = 64 << 10
	// maxText is the longest text that is kept, in bytes: a path is the longest of
	// use. Texts that nobody wants (descriptions, changelogs) have no limit.
	maxText = 4096
	// maxDepth is how deep elements may nest. Metadata nests five deep.
	maxDepth = 64
)

// scanner reads the XML of metadata tag by tag, in the memory of one tag whatever
// the size of the file. It is several times faster than encoding/xml, since it
// looks into a tag only where asked to. It expands the predefined entities and
// character references, only in what is asked for; a document type, which could
// define others, is refused.
type scanner struct {
	in    *bufio.Reader
	begun bool // something was read

	names []byte // of the open elements, one after the other
	ends  []int  // where each of names ends
	tag   []byte // the start tag last read, within its brackets; until the next call of next
	buf   []byte // for a tag in pieces
	empty bool   // tag was an empty element: its end is next

	keep bool   // the text to come is kept
	kept []byte // the same, as it stands in the file
}

func newScanner(r io.Reader) *scanner {
	return &scanner{in: bufio.NewReaderSize(r, tagBuffer)}
}

// next moves to the next start or end of an element and tells which it is; io.EOF
// after the end of a whole document.
func (s *scanner) next() (start bool, err error) {
	if s.empty {
		s.empty = false
		s.pop()
		return false, nil
	}
	for {
		if err := s.text(); err != nil {
			return false, err
		}
		c, err := s.in.ReadByte()
		if err != nil {
			return false, cutOff(err)
		}
		switch c {
		case '/':
			return false, s.endTag()
		case '?':
			err = s.skipTo("?>", nil)
		case '!':
			err = s.declaration()
		default:
			if err := s.in.UnreadByte(); err != nil {
				return false, err
			}
			return true, s.startTag()
		}
		if err != nil {
			return false, err
		}
	}
}

// text passes over the text before the next tag, and its bracket.
func (s *scanner) text() error {
	if !s.begun {
		s.begun = true
		if bom, _ := s.in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			s.in.Discard(3)
		}
	}
	for {
		text, err := s.in.ReadSlice('<')
		if errors.Is(err, io.EOF) && len(s.ends) == 0 && blank(text) {
			return io.EOF
		}
		if len(s.ends) == 0 && !blank(bytes.TrimSuffix(text, []byte("<"))) {
			return fmt.Errorf("%w: text outside of all elements: %.40q", repo.ErrFormat, text)
		}
		if s.keep {
			if err := s.add(bytes.TrimSuffix(text, []byte("<"))); err != nil {
				return err
			}
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return cutOff(err)
		}
	}
}

func blank(text []byte) bool { return len(bytes.TrimLeft(text, " \t\r\n")) == 0 }

func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (s *scanner) add(text []byte) error {
	if len(s.kept)+len(text) > maxText {
		return fmt.Errorf("%w: the text of %s is longer than %d bytes", repo.ErrTooLarge, s.full(), maxText)
	}
	s.kept = append(s.kept, text...)
	return nil
}

// declaration passes over a comment, and takes a CDATA section for text.
func (s *scanner) declaration() error {
	for _, section := range []struct {
		begin, end string
		data       bool
	}{{"--", "-->", false}, {"[CDATA[", "]]>", true}} {
		if begin, _ := s.in.Peek(len(section.begin)); string(begin) != section.begin {
			continue
		}
		s.in.Discard(len(section.begin))
		if section.data && s.keep {
			return s.skipTo(section.end, s.addLiteral)
		}
		return s.skipTo(section.end, nil)
	}
	return fmt.Errorf("%w: a document type or the like", repo.ErrFormat)
}

// addLiteral is add for text in which nothing is to be expanded.
func (s *scanner) addLiteral(c byte) error {
	if c == '&' {
		return s.add([]byte("&amp;"))
	}
	return s.add([]byte{c})
}

// skipTo passes over all up to and with end, which ends with '>' and nothing like
// it; each byte before it goes to each, where that is not nil.
func (s *scanner) skipTo(end string, each func(byte) error) error {
	var tail []byte // not yet told from the beginning of end
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return cutOff(err)
		}
		if tail = append(tail, c); len(tail) < len(end) {
			continue
		}
		if string(tail) == end {
			return nil
		}
		if each != nil {
			if err := each(tail[0]); err != nil {
				return err
			}
		}
		tail = append(tail[:0], tail[1:]...)
	}
}

// startTag reads a start tag and opens its element.
func (s *scanner) startTag() error {
	tag, err := s.in.ReadSlice('>')
	quote := quoteAfter(0, tag)
	s.buf = s.buf[:0]
	for err == nil && quote != 0 { // the '>' stood in a value
		if len(s.buf) == 0 {
			s.buf = append(s.buf, tag...)
		}
		var more []byte
		more, err = s.in.ReadSlice('>')
		quote = quoteAfter(quote, more) // each piece once: a tag may be nothing but '>'
		s.buf = append(s.buf, more...)
		tag = s.buf
		if len(tag) > tagBuffer {
			err = bufio.ErrBufferFull
		}
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%w: a tag longer than %d bytes: %.40q", repo.ErrTooLarge, tagBuffer, tag)
	}
	if err != nil {
		return cutOff(err)
	}
	tag = tag[:len(tag)-1]
	if s.empty = bytes.HasSuffix(tag, []byte("/")); s.empty {
		tag = tag[:len(tag)-1]
	}
	s.tag = tag
	return s.open(tagName(tag))
}

// quoteAfter is the quote of the attribute's value that text ends within, 0 where it
// does not, given the one that it begins within.
func quoteAfter(quote byte, text []byte) byte {
	if quote == 0 && bytes.IndexByte(text, '\'') < 0 && bytes.Count(text, []byte{'"'})%2 == 0 {
		return 0 // nearly every tag
	}
	for _, c := range text {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return quote
}

func tagName(tag []byte) []byte {
	for i, c := range tag {
		if c <= ' ' || c == '/' {
			return tag[:i]
		}
	}
	return tag
}

func (s *scanner) open(name []byte) error {
	if len(name) == 0 {
		return fmt.Errorf("%w: a tag without a name", repo.ErrFormat)
	}
	if len(s.ends) == maxDepth {
		return fmt.Errorf("%w: elements more than %d deep", repo.ErrTooLarge, maxDepth)
	}
	s.names = append(s.names, name...)
	s.ends = append(s.ends, len(s.names))
	return nil
}

func (s *scanner) endTag() error {
	tag, err := s.in.ReadSlice('>')
	if errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%w: a tag longer than %d bytes: %.40q", repo.ErrTooLarge, tagBuffer, tag)
	}
	if err != nil {
		return cutOff(err)
	}
	name := bytes.TrimRight(tag[:len(tag)-1], " \t\r\n")
	if !bytes.Equal(name, s.full()) || len(s.ends) == 0 {
		return fmt.Errorf("%w: %.40q ends where %.40q is open", repo.ErrFormat, name, s.full())
	}
	s.pop()
	return nil
}

// depth is how many elements are open.
func (s *scanner) depth() int { return len(s.ends) }

func (s *scanner) pop() {
	s.names = s.names[:len(s.names)-len(s.full())]
	s.ends = s.ends[:len(s.ends)-1]
}

// full is the name of the innermost open element, as it is written.
func (s *scanner) full() []byte {
	switch n := len(s.ends); n {
	case 0:
		return nil
	case 1:
		return s.names
	default:
		return s.names[s.ends[n-2]:]
	}
}

// name is full without its prefix: each kind of file has one name space of its own
// for all that is read here.
func (s *scanner) name() []byte {
	full := s.full()
	if i := bytes.IndexByte(full, ':'); i > 0 && i < len(full)-1 {
		return full[i+1:]
	}
	return full
}
