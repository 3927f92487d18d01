package sources

import (
	"slices"
	"strings"
)

// field is a deb822 field's value: the parts of its lines that are no comment.
type field []span

// stanza maps lower-case field names to values.
type stanza map[string]field

// parseDeb822 reads stanzas as sources.list(5) describes them: disabled ones and
// those of other types are passed over.
func parseDeb822(file, text string) []Entry {
	var all []Entry
	current, name := stanza{}, ""
	flush := func() {
		all = append(all, current.entries(file, text)...)
		current, name = stanza{}, ""
	}
	for _, l := range lines(text) {
		switch {
		case l.start == l.end:
			flush()
		case text[l.start] == '#':
		case text[l.start] == ' ' || text[l.start] == '\t':
			if name != "" {
				current[name] = append(current[name], span{text[l.start:l.end], l.start, l.end})
			}
		default:
			key, value, _ := strings.Cut(text[l.start:l.end], ":")
			name = strings.ToLower(strings.TrimSpace(key))
			current[name] = field{{value, l.end - len(value), l.end}}
		}
	}
	flush()
	return all
}

func (s stanza) entries(file, text string) []Entry {
	if !s.enabled() {
		return nil
	}
	common := Entry{File: file, Suites: s["suites"].values()}
	if keys := strings.Join(texts(s["signed-by"]), "\n"); strings.Contains(keys, "-----BEGIN") {
		common.InlineKey = true
	} else {
		common.SignedBy = splitKeys(keys)
	}
	var all []Entry
	for _, part := range s["uris"] {
		for _, word := range words(text, part.start, part.end) {
			entry := common
			entry.URI, entry.start, entry.end = word.text, word.start, word.end
			entry.Line = 1 + strings.Count(text[:word.start], "\n")
			all = append(all, entry)
		}
	}
	return all
}

func (s stanza) enabled() bool {
	types := s["types"].values()
	if !slices.Contains(types, "deb") && !slices.Contains(types, "deb-src") {
		return false
	}
	// What apt takes for no (StringToBool).
	off := []string{"no", "false", "without", "off", "disable", "0"}
	value := strings.ToLower(strings.Join(s["enabled"].values(), " "))
	return !slices.Contains(off, value)
}

func (f field) values() []string {
	var all []string
	for _, part := range f {
		all = append(all, strings.Fields(part.text)...)
	}
	return all
}
