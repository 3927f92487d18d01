package sources

import "strings"

// Change is what Rewrite does about one entry.
type Change struct {
	Entry
	To string // the URI that replaces the entry's; "" where it is left as it is
}

// Rewrite points the file's entries at server, the base URL of a mirrord, where
// the matcher finds a repository for them.
func (f File) Rewrite(m *Matcher, server string) (text string, changes []Change) {
	for _, entry := range f.Entries {
		change := Change{Entry: entry}
		if name, ok := m.Match(entry.URI); ok {
			change.To = strings.TrimRight(server, "/") + "/" + name
		}
		changes = append(changes, change)
	}
	return replace(f.Text, changes), changes
}

// replace works from the end, so that the places before stay valid. Of several
// URIs of one field that become the same, the first stays: apt warns about a
// repository that is configured twice.
func replace(text string, changes []Change) string {
	for i := len(changes) - 1; i >= 0; i-- {
		change := changes[i]
		switch {
		case change.To == "":
		case repeated(text, changes[:i], change):
			text = cut(text, change.start, change.end)
		default:
			text = text[:change.start] + change.To + text[change.end:]
		}
	}
	return text
}

// repeated reports whether the same field has the same URI before.
func repeated(text string, before []Change, change Change) bool {
	for _, other := range before {
		if other.To == change.To && sameField(text[other.end:change.start]) {
			return true
		}
	}
	return false
}

// sameField tells from what stands between two URIs whether it is more of the
// same field: each line of it is a comment or begins with a blank.
func sameField(between string) bool {
	first := true
	for l := range strings.SplitSeq(between, "\n") {
		if !first && (l == "" || !strings.ContainsRune(" \t#", rune(l[0]))) {
			return false
		}
		first = false
	}
	return !first
}

// cut takes a word out without leaving an empty line, which would end the stanza.
func cut(text string, start, end int) string {
	lineStart := strings.LastIndexByte(text[:start], '\n') + 1
	lineEnd := end + strings.IndexByte(text[end:]+"\n", '\n')
	leads := strings.TrimSpace(text[lineStart:start]) == ""
	ends := strings.TrimSpace(text[end:lineEnd]) == ""
	switch {
	case leads && ends && lineEnd < len(text):
		return text[:lineStart] + text[lineEnd+1:]
	case leads && ends:
		return text[:lineStart]
	case leads:
		return text[:start] + strings.TrimLeft(text[end:], " \t")
	}
	return strings.TrimRight(text[:start], " \t") + text[end:]
}
