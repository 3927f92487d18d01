package yumrepos

import (
	"fmt"
	"slices"
	"strings"
)

// Section is one repository of a machine.
type Section struct {
	File    string // relative to the directory
	Name    string // within the brackets
	Line    int    // of the first source
	Enabled bool
	Sources []Source
	Keys    []string // gpgkey, as written
	Beside  []string // options that dnf goes by wherever the repository is: credentials, a proxy
	options []option // those of the sources
}

// Source is a URL that says where the repository is. A comma in a list's URL is its
// own, so there is one at most of each kind but baseurl.
type Source struct {
	Kind string // baseurl, mirrorlist or metalink
	URL  string // may hold variables
}

const baseurl = "baseurl"

var beside = []string{"username", "password", "proxy", "sslclientcert", "sslclientkey"}

// noProxy is how a section says that there is none.
const noProxy = "_none_"

// sections reads a file; those that name no source are left out.
func sections(file, text string) []Section {
	var all []Section
	for _, in := range parse(text) {
		s := Section{File: file, Name: in.name, Enabled: in.enabled()}
		for _, o := range in.options {
			s.take(o)
		}
		for _, key := range in.value("gpgkey") {
			s.Keys = append(s.Keys, key.text)
		}
		for _, key := range beside {
			if value := in.value(key); len(value) > 0 && value[0].text != noProxy {
				s.Beside = append(s.Beside, key)
			}
		}
		if len(s.Sources) > 0 {
			s.Line = s.options[0].line
			all = append(all, s)
		}
	}
	return all
}

// take takes in an option that may be a source. Of several of one key the last counts.
func (s *Section) take(o option) {
	if o.key != baseurl && o.key != "mirrorlist" && o.key != "metalink" {
		return
	}
	s.options = append(s.options, o)
	s.Sources = slices.DeleteFunc(s.Sources, func(source Source) bool { return source.Kind == o.key })
	switch {
	case o.key == baseurl:
		for _, w := range o.words {
			s.Sources = append(s.Sources, Source{baseurl, w.text})
		}
	case len(o.words) > 0:
		var parts []string
		for _, w := range o.words {
			parts = append(parts, w.text)
		}
		s.Sources = append(s.Sources, Source{o.key, strings.Join(parts, ",")})
	}
}

// Where is "FILE:LINE".
func (s Section) Where() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Shown is the first source for people to read: quoted, and without a password.
func (s Section) Shown() string { return shown(s.Sources[0].URL) }

func shown(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, path, hasPath := strings.Cut(rest, "/") // a path may hold an @, as Copr's do
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		url = "..." + host[at:]
		if hasPath {
			url += "/" + path
		}
	}
	return fmt.Sprintf("%q", url)
}
