package yumrepos

import "strings"

// Change is what Rewrite does about one section.
type Change struct {
	Section
	To string // the one baseurl that replaces its sources; "" where it is left as it is
}

// Rewrite points the file's sections at server, the base URL of a mirrord, where the
// matcher finds the repository for them. Disabled ones too: people enable them for
// one command.
func (f File) Rewrite(m *Matcher, server string) (text string, changes []Change) {
	text = f.Text
	for _, s := range f.Sections {
		change := Change{Section: s}
		if path, ok := m.Locate(s); ok {
			change.To = strings.TrimRight(server, "/") + "/" + path + "/"
		}
		changes = append(changes, change)
	}
	for i := len(changes) - 1; i >= 0; i-- { // from the end, so that the places before stay valid
		if changes[i].To != "" {
			text = changes[i].replace(text)
		}
	}
	return text, changes
}

// replace puts the baseurl where the first of the sources stands and takes the
// others out: dnf would go on asking them.
func (c Change) replace(text string) string {
	for i := len(c.options) - 1; i >= 0; i-- {
		o, line := c.options[i], ""
		if i == 0 {
			line = o.setTo(c.To)
		}
		text = text[:o.start] + line + text[o.end:]
	}
	return text
}

// setTo is the option's line with another value and baseurl for a key.
func (o option) setTo(value string) string {
	key, _, _ := strings.Cut(o.head, "=")
	name := strings.TrimSpace(key)
	if !strings.EqualFold(name, baseurl) {
		name = baseurl
	}
	blanks := key[len(strings.TrimRight(key, " \t")):]
	return name + blanks + o.head[len(key):] + value + o.tail
}
