package sources

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Origin is one upstream that the machine uses, whatever the number of lines
// that name it.
type Origin struct {
	Name    string
	URL     *url.URL
	Keyring string   // a readable file, or ""
	Used    []string // "FILE:LINE" each
	Notes   []string // what its lines say and a configuration cannot
}

// Rules are a configuration's own: what it would refuse becomes a note.
type Rules struct {
	Upstream func(string) (*url.URL, error)
	Keyring  func(string) (string, error)
	Name     func(string) (string, error)
}

// Origins groups the entries by upstream. The notes tell of the entries that
// have none.
func Origins(files []File, m *Matcher, rules Rules) (origins []*Origin, notes []string) {
	at := map[string]*Origin{}
	for _, file := range files {
		for _, entry := range file.Entries {
			u, problem := upstreamOf(entry, rules)
			if problem != "" {
				notes = append(notes, fmt.Sprintf("%s: %s %s", entry.Where(), entry.Shown(), problem))
				continue
			}
			origin := at[place(u)]
			if origin == nil {
				origin = &Origin{URL: u}
				at[place(u)] = origin
				origins = append(origins, origin)
			}
			origin.add(entry, rules)
		}
	}
	nameAll(origins, m, rules)
	return origins, notes
}

func upstreamOf(entry Entry, rules Rules) (*url.URL, string) {
	if _, problem := parseBase(entry.URI); problem != "" {
		return nil, problem
	}
	u, err := rules.Upstream(entry.URI)
	if err != nil {
		return nil, "cannot be an upstream"
	}
	return u, ""
}

func (o *Origin) add(entry Entry, rules Rules) {
	if where := entry.Where(); !slices.Contains(o.Used, where) {
		o.Used = append(o.Used, where)
	}
	if entry.InlineKey {
		o.note("a key stands in %s itself; save it in a file to name it here", entry.File)
	}
	for _, key := range entry.SignedBy {
		switch {
		case key == o.Keyring:
		case !filepath.IsAbs(key):
			o.note("Signed-By %q is no file", key)
		case o.Keyring != "":
			o.note("Signed-By %q is another keyring; one can be named", key)
		default:
			o.setKeyring(key, rules)
		}
	}
}

func (o *Origin) setKeyring(file string, rules Rules) {
	if _, err := rules.Keyring(file); err != nil {
		o.note("Signed-By %v", err)
		return
	}
	o.Keyring = file
}

func (o *Origin) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(o.Notes, text) {
		o.Notes = append(o.Notes, text)
	}
}

// nameAll gives each origin the plainest name that is free: that of the archive,
// the host's, or the host's with the path.
func nameAll(origins []*Origin, m *Matcher, rules Rules) {
	taken := map[string]bool{}
	for _, o := range origins {
		long := identifier(o.URL.Hostname() + "-" + o.URL.Path)
		candidates := append(m.names(o.URL), identifier(o.URL.Hostname()), long)
		for n := 2; o.Name == ""; n++ {
			for _, name := range candidates {
				if _, err := rules.Name(name); err == nil && !taken[name] {
					o.Name, taken[name] = name, true
					break
				}
			}
			candidates = []string{fmt.Sprintf("%s-%d", long[:min(len(long), 100)], n), fmt.Sprintf("apt-%d", n)}
		}
	}
}

// names are the archives' names that fit a URL: by its host, or by the path that
// mirrors of that archive use.
func (m *Matcher) names(u *url.URL) []string {
	if archives := m.archivesAt(u); len(archives) > 0 {
		return archives[:1:1]
	}
	switch path := strings.Trim(u.Path, "/"); path {
	case "debian", "debian-security", "ubuntu", "ubuntu-ports":
		return []string{path}
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9._]+`)

func identifier(s string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s), "-"), "-._")
}
