package yumrepos

import "strings"

// option is one key with its value, which may go on over lines that begin with a
// blank.
type option struct {
	key        string // in lower case
	line       int
	start, end int    // its lines in the text, the last line's end included
	head       string // the first line up to the value, as it is written
	tail       string // the last line's end
	words      []word // of the value, at blanks and commas
}

// word is a part of a value.
type word struct {
	text string
	line int
}

// section is what stands below one [name].
type section struct {
	name    string
	line    int
	options []option
}

// parse reads a .repo file as libdnf does: comments begin a line, with # or ;, and a
// line of blanks does not end a value. What it would not understand is passed over.
func parse(text string) []section {
	var all []section
	var last *option // that a line with a blank before it goes on
	for number, start := 1, len(text)-len(strings.TrimPrefix(text, "\ufeff")); start < len(text); number++ {
		end := start + strings.IndexByte(text[start:], '\n') + 1
		if end == start {
			end = len(text)
		}
		l := text[start:end]
		switch plain := strings.TrimSpace(l); {
		case l[0] == ' ' || l[0] == '\t':
			if last != nil && plain != "" {
				last.end, last.tail = end, lineEnd(l)
				last.add(plain, number)
			}
		case plain == "" || l[0] == '#' || l[0] == ';':
			last = nil
		case l[0] == '[':
			last = nil
			name, _, closed := strings.Cut(l[1:], "]")
			if closed {
				all = append(all, section{name: name, line: number})
			}
		default:
			last = nil
			if o, ok := newOption(l, number); ok && len(all) > 0 {
				o.start, o.end = start, end
				s := &all[len(all)-1]
				s.options = append(s.options, o)
				last = &s.options[len(s.options)-1]
			}
		}
		start = end
	}
	return all
}

func newOption(l string, number int) (option, bool) {
	key, value, ok := strings.Cut(l, "=")
	if !ok {
		return option{}, false
	}
	blank := len(value) - len(strings.TrimLeft(value, " \t"))
	o := option{
		key: strings.ToLower(strings.TrimSpace(key)), line: number,
		head: key + "=" + value[:blank], tail: lineEnd(l),
	}
	o.add(unquoted(value), number)
	return o, o.key != ""
}

// unquoted takes quotes off that stand around a value.
func unquoted(value string) string {
	plain := strings.TrimSpace(value)
	if n := len(plain); n > 1 && plain[0] == plain[n-1] && (plain[0] == '"' || plain[0] == '\'') {
		return plain[1 : n-1]
	}
	return value
}

func (o *option) add(value string, line int) {
	for text := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) }) {
		o.words = append(o.words, word{text, line})
	}
}

// lineEnd is what ends the line: "\n", "\r\n" or nothing.
func lineEnd(l string) string {
	return l[len(strings.TrimRight(l, "\r\n")):]
}

// value is that of the key's last occurrence, which is the one that counts.
func (s section) value(key string) []word {
	for i := len(s.options) - 1; i >= 0; i-- {
		if s.options[i].key == key {
			return s.options[i].words
		}
	}
	return nil
}

// enabled is dnf's default but for what it takes for no.
func (s section) enabled() bool {
	value := s.value("enabled")
	if len(value) == 0 {
		return true
	}
	switch strings.ToLower(value[0].text) {
	case "0", "no", "false", "off":
		return false
	}
	return true
}
