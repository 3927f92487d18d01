package rpm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"mirrord/internal/repo"
)

// attr is the value of an attribute of the start tag last read, "" where it has
// none of that name.
func (s *scanner) attr(name string) (string, error) {
	rest := s.tag[len(s.full()):]
	for {
		key, after, ok := bytes.Cut(rest, []byte{'='})
		if !ok {
			return "", nil
		}
		after = bytes.TrimLeft(after, space)
		if len(after) == 0 || after[0] != '"' && after[0] != '\'' {
			return "", fmt.Errorf("%w: a value without quotes: %.40q", repo.ErrFormat, s.tag)
		}
		value, next, ok := bytes.Cut(after[1:], after[:1])
		if !ok {
			return "", fmt.Errorf("%w: a value without an end: %.40q", repo.ErrFormat, s.tag)
		}
		if string(bytes.Trim(key, space)) == name {
			return expand(value)
		}
		rest = next
	}
}

// collect begins to keep the text to come; taken gives it.
func (s *scanner) collect() { s.keep, s.kept = true, s.kept[:0] }

// taken ends the keeping of text and gives what was kept, without the white space
// around it.
func (s *scanner) taken() (string, error) {
	s.keep = false
	return expand(bytes.Trim(s.kept, space))
}

const space = " \t\r\n"

var entities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "apos": "'", "quot": `"`}

// expand replaces references in text by what they stand for.
func expand(text []byte) (string, error) {
	if bytes.IndexByte(text, '&') < 0 {
		return string(text), nil
	}
	var out strings.Builder
	for {
		plain, rest, more := bytes.Cut(text, []byte{'&'})
		out.Write(plain)
		if !more {
			return out.String(), nil
		}
		name, rest, ok := bytes.Cut(rest, []byte{';'})
		c, known := reference(string(name))
		if !ok || !known {
			return "", fmt.Errorf("%w: an unknown reference: &%.20s", repo.ErrFormat, name)
		}
		out.WriteString(c)
		text = rest
	}
}

func reference(name string) (string, bool) {
	number, isNumber := strings.CutPrefix(name, "#")
	if !isNumber {
		c, known := entities[name]
		return c, known
	}
	base := 10
	if hex, isHex := strings.CutPrefix(number, "x"); isHex {
		number, base = hex, 16
	}
	r, err := strconv.ParseUint(number, base, 32)
	if err != nil || !utf8.ValidRune(rune(r)) {
		return "", false
	}
	return string(rune(r)), true
}
