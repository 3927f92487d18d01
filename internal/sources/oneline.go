package sources

import "strings"

// parseOneLine reads "deb [options] URI suite [component...]" lines, as
// sources.list(5) describes them. Lines that apt would not take are passed over.
func parseOneLine(file, text string) []Entry {
	var all []Entry
	for _, l := range lines(text) {
		if entry, ok := oneLine(file, text, l); ok {
			all = append(all, entry)
		}
	}
	return all
}

func oneLine(file, text string, l line) (Entry, bool) {
	all := words(text, l.start, uncommented(text, l))
	if len(all) < 3 || all[0].text != "deb" && all[0].text != "deb-src" {
		return Entry{}, false
	}
	entry := Entry{File: file, Line: l.number}
	rest := all[1:]
	if options, ok := strings.CutPrefix(rest[0].text, "["); ok {
		entry.SignedBy = signedBy(strings.TrimSuffix(options, "]"))
		rest = rest[1:]
	}
	if len(rest) < 2 {
		return Entry{}, false
	}
	entry.URI, entry.start, entry.end = strings.Trim(rest[0].text, `"`), rest[0].start, rest[0].end
	entry.Suites = []string{rest[1].text}
	return entry, true
}

// uncommented is where the line's comment begins, or its end. A # within a word
// belongs to the word.
func uncommented(text string, l line) int {
	for i := l.start; i < l.end; i++ {
		if text[i] == '#' && (i == l.start || text[i-1] == ' ' || text[i-1] == '\t') {
			return i
		}
	}
	return l.end
}

func signedBy(options string) []string {
	for option := range strings.FieldsSeq(options) {
		name, value, _ := strings.Cut(option, "=")
		if strings.EqualFold(strings.TrimRight(name, "+"), "signed-by") {
			return splitKeys(strings.Trim(value, `"`))
		}
	}
	return nil
}
