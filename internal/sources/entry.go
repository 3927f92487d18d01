package sources

import (
	"fmt"
	"strings"
)

// Entry is one URI that apt fetches from, with what its line or stanza says of it.
type Entry struct {
	File       string // relative to apt's directory
	Line       int    // of the URI
	URI        string
	Suites     []string
	SignedBy   []string // paths and fingerprints
	InlineKey  bool     // the stanza holds the key itself
	start, end int      // the URI's bytes in the file
}

// Where is "FILE:LINE".
func (e Entry) Where() string { return fmt.Sprintf("%s:%d", e.File, e.Line) }

// Shown is the URI for people to read: quoted, and without a password.
func (e Entry) Shown() string {
	uri := e.URI
	if at := strings.LastIndexByte(uri, '@'); at >= 0 {
		uri = "..." + uri[at:]
	}
	return fmt.Sprintf("%q", uri)
}

// span is a word and where it stands.
type span struct {
	text       string
	start, end int
}

// words splits text[from:to] at blanks and line ends. Brackets and double quotes
// hold a word together, as apt reads a cdrom: URI and a quoted one.
func words(text string, from, to int) []span {
	var all []span
	start, depth, quoted := -1, 0, false
	for i := from; i <= to; i++ {
		if i == to || depth == 0 && !quoted && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			if start >= 0 {
				all = append(all, span{text[start:i], start, i})
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch text[i] {
		case '[':
			depth++
		case ']':
			depth = max(0, depth-1)
		case '"':
			quoted = !quoted
		}
	}
	return all
}

func texts(spans []span) []string {
	var all []string
	for _, s := range spans {
		all = append(all, s.text)
	}
	return all
}

// splitKeys reads a Signed-By value: paths and fingerprints with commas or blanks
// between them.
func splitKeys(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

// line is one line of a file without its end: text[start:end].
type line struct{ number, start, end int }

func lines(text string) []line {
	var all []line
	for start, number := 0, 1; start < len(text); number++ {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text) - start
		}
		next := start + end + 1
		all = append(all, line{number, start, start + len(strings.TrimSuffix(text[start:start+end], "\r"))})
		start = next
	}
	return all
}
