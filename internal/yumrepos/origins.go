package yumrepos

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"mirrord/internal/mirrorlist"
)

// Origin is one upstream that the machine uses: a tree, whatever the number of
// sections in it.
type Origin struct {
	Name    string
	URL     *url.URL          // nil where only lists name it
	Lists   []mirrorlist.List // that name its mirrors
	Keyring string            // a readable file, or ""
	Used    []string          // "FILE:LINE" each
	Notes   []string          // what its sections say and a configuration cannot
	place   string
	archive string
}

// Rules are a configuration's own: what it would refuse becomes a note.
type Rules struct {
	Upstream func(string) (*url.URL, error)
	Keyring  func(string) (string, error)
	Name     func(string) (string, error) // also refuses what is taken
}

// Origins groups the enabled sections by upstream. The notes tell of those that have
// none.
func Origins(files []File, m *Matcher, rules Rules) (origins []*Origin, notes []string) {
	var all []*Origin
	for _, file := range files {
		for _, s := range file.Sections {
			if !s.Enabled {
				continue
			}
			o, problem := m.origin(s, rules)
			if problem != "" {
				notes = append(notes, fmt.Sprintf("%s: %s %s", s.Where(), s.Shown(), problem))
				continue
			}
			i := slices.IndexFunc(all, func(other *Origin) bool { return other.place == o.place })
			if i < 0 {
				i = len(all)
				all = append(all, o)
			}
			all[i].add(s, o, rules)
		}
	}
	taken := map[string]bool{}
	for _, o := range all {
		o.nameIt(taken, rules)
	}
	return all, notes
}

// origin is that of the first source that can be one.
func (m *Matcher) origin(s Section, rules Rules) (o *Origin, problem string) {
	for _, source := range s.Sources {
		o, because := m.originOf(source, rules)
		if because == "" {
			return o, ""
		}
		if problem == "" {
			problem = because
		}
	}
	return nil, problem
}

func (m *Matcher) originOf(s Source, rules Rules) (*Origin, string) {
	if s.Kind != baseurl {
		k, _, ok := mirrorlist.Find(s.URL)
		if !ok {
			return nil, "is a list that is not known"
		}
		return &Origin{Lists: []mirrorlist.List{k.List}, place: "list " + k.Archive, archive: k.Archive}, ""
	}
	place := placeOf(s.URL)
	if place == "" {
		return nil, "is not http or https"
	}
	archive, rest, _ := find(m.archives, place)
	tree := strings.TrimRight(s.URL, "/")
	if archive != "" {
		tree = strings.TrimRight(strings.TrimSuffix(tree, rest), "/")
		tree = strings.Replace(tree, "/$contentdir", "/pub/rocky", 1) // what Rocky Linux sets it to
	} else {
		tree = fixed(tree)
	}
	u, err := rules.Upstream(tree)
	if err != nil || u.Host == "" || strings.Contains(u.Host+u.Path, "$") {
		return nil, "cannot be an upstream"
	}
	return &Origin{URL: u, place: placeOf(tree), archive: archive}, ""
}

// fixed is the part of a URL before the first element that holds a variable: what
// lies below is one tree.
func fixed(url string) string {
	before, _, has := strings.Cut(url, "$")
	if !has {
		return url
	}
	return before[:strings.LastIndexByte(before, '/')+1]
}

// add takes a section in, whose own origin is from.
func (o *Origin) add(s Section, from *Origin, rules Rules) {
	if where := s.Where(); !slices.Contains(o.Used, where) {
		o.Used = append(o.Used, where)
	}
	for _, l := range from.Lists {
		if !slices.Contains(o.Lists, l) {
			o.Lists = append(o.Lists, l)
		}
	}
	if len(s.Beside) > 0 {
		o.note("%s has %s, not taken over: see docs/config.md", s.Where(), strings.Join(s.Beside, ", "))
	}
	for _, key := range s.Keys {
		file, local := strings.CutPrefix(key, "file://")
		switch {
		case file == o.Keyring && local:
		case !local || !filepath.IsAbs(file) || strings.Contains(file, "$"):
			o.note("gpgkey %s", shown(key))
		case o.Keyring != "":
			o.note("gpgkey %q is another keyring; one can be named", file)
		default:
			if _, err := rules.Keyring(file); err != nil {
				o.note("gpgkey %v", err)
				continue
			}
			o.Keyring = file
		}
	}
}

func (o *Origin) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(o.Notes, text) {
		o.Notes = append(o.Notes, text)
	}
}

// nameIt gives the plainest name that is free: that of the archive, the host's, or
// the host's with the path.
func (o *Origin) nameIt(taken map[string]bool, rules Rules) {
	candidates := []string{o.archive}
	long := "rpm"
	if o.URL != nil {
		long = identifier(o.URL.Hostname() + "-" + o.URL.Path)
		candidates = append(candidates, identifier(o.URL.Hostname()), long)
	}
	for n := 2; o.Name == ""; n++ {
		for _, name := range candidates {
			if _, err := rules.Name(name); err == nil && !taken[name] {
				o.Name, taken[name] = name, true
				break
			}
		}
		candidates = []string{fmt.Sprintf("%s-%d", long[:min(len(long), 100)], n), fmt.Sprintf("rpm-%d", n)}
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9._]+`)

func identifier(s string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(s), "-"), "-._")
}
