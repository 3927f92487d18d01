package yumrepos

import (
	"net/url"
	"slices"
	"strings"

	"mirrord/internal/mirrorlist"
)

// Repo is a repository that a mirrord serves.
type Repo struct {
	Name      string
	Upstreams []*url.URL
	Lists     []mirrorlist.List
}

// Matcher finds where a mirrord has what a machine gets from its sources.
type Matcher struct {
	served   []base            // the repositories' own upstreams
	archives []base            // of the catalogue: every mirror of one holds the same tree
	serves   map[string]string // archive -> repository's name
	lists    []list
}

// base is the place of a tree and its name.
type base struct{ place, name string }

// list is a family of lists and the repository whose mirrors it names.
type list struct {
	mirrorlist.Template
	name string
}

// own are the hosts that the distributions run, or write into their .repo files for
// any mirror, beside those of the catalogue.
var own = []base{
	{"download.fedoraproject.org/pub/fedora/linux", "fedora"},
	{"dl.fedoraproject.org/pub/fedora/linux", "fedora"},
	{"download.example/pub/fedora/linux", "fedora"},
	{"download.fedoraproject.org/pub/epel", "epel"},
	{"dl.fedoraproject.org/pub/epel", "epel"},
	{"download.example/pub/epel", "epel"},
	{"mirror.stream.centos.org", "centos-stream"},
	{"dl.rockylinux.org/pub/rocky", "rocky"},
	{"download.rockylinux.org/pub/rocky", "rocky"},
	{"dl.rockylinux.org/$contentdir", "rocky"},
	{"download.rockylinux.org/$contentdir", "rocky"},
	{"repo.almalinux.org/almalinux", "almalinux"},
	{"download.opensuse.org", "opensuse"},
	{"downloadcontent.opensuse.org", "opensuse"},
	{"cdn.opensuse.org", "opensuse"},
}

// NewMatcher matches against the repositories served, with the catalogue to know
// which mirrors hold the same archive.
func NewMatcher(served, catalogue []Repo) *Matcher {
	m := &Matcher{archives: own, serves: map[string]string{}}
	for _, repo := range catalogue {
		for _, u := range repo.Upstreams {
			m.archives = append(m.archives[:len(m.archives):len(m.archives)], base{placeOf(u.String()), repo.Name})
		}
	}
	for _, repo := range served {
		for _, u := range repo.Upstreams {
			p := placeOf(u.String())
			m.served = append(m.served, base{p, repo.Name})
			if archive, rest, ok := find(m.archives, p); ok && rest == "" {
				m.serve(archive, repo.Name)
			}
		}
		for _, l := range repo.Lists {
			m.lists = append(m.lists, list{l.Template, repo.Name})
			if k, path, ok := mirrorlist.Find(l.URL); ok && path == l.Path {
				m.serve(k.Archive, repo.Name)
			}
		}
	}
	return m
}

func (m *Matcher) serve(archive, name string) {
	if _, taken := m.serves[archive]; !taken {
		m.serves[archive] = name
	}
}

// Archive is the catalogue's name for what the repository mirrors, or "".
func (m *Matcher) Archive(name string) string {
	for archive, by := range m.serves {
		if by == name {
			return archive
		}
	}
	return ""
}

// Locate is where the mirrord has the section's repository: NAME/PATH. All sources of
// a section are of one repository; where those that are known disagree, none is
// believed.
func (m *Matcher) Locate(s Section) (path string, ok bool) {
	for _, source := range s.Sources {
		at, known := m.locate(source)
		if known && ok && at != path {
			return "", false
		}
		if known {
			path, ok = at, true
		}
	}
	return path, ok
}

func (m *Matcher) locate(s Source) (string, bool) {
	if s.Kind != baseurl {
		return m.locateList(s.URL)
	}
	place := placeOf(s.URL)
	if place == "" {
		return "", false
	}
	archive, rest, ok := find(m.archives, place)
	if archive == "opensuse" && strings.HasPrefix(rest, "repositories/") {
		return "", false // the build service's, which mirrors do not have
	}
	if name, rest, ok := find(m.served, place); ok {
		return join(name, rest), true
	}
	name, served := m.serves[archive]
	return join(name, rest), ok && served
}

func (m *Matcher) locateList(url string) (string, bool) {
	for _, l := range m.lists {
		if path, ok := l.Place(url); ok {
			return join(l.name, path), true
		}
	}
	k, path, ok := mirrorlist.Find(url)
	name, served := m.serves[k.Archive]
	return join(name, path), ok && served
}

// find is the longest base that the place lies in, and the rest.
func find(bases []base, place string) (name, rest string, ok bool) {
	longest := -1
	for _, b := range bases {
		after, in := strings.CutPrefix(place, b.place)
		if in && (after == "" || after[0] == '/') && len(b.place) > longest {
			name, rest, ok, longest = b.name, strings.Trim(after, "/"), true, len(b.place)
		}
	}
	return name, rest, ok
}

// placeOf is what tells two bases apart: host, port unless it is the scheme's own,
// and path. "" for what mirrord cannot fetch from.
func placeOf(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" || strings.ContainsAny(rest, "?#") || slices.Contains(strings.Split(rest, "/"), "..") {
		return ""
	}
	host, path, _ := strings.Cut(rest, "/")
	host = strings.ToLower(host[strings.LastIndexByte(host, '@')+1:])
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme])
	if host == "" {
		return ""
	}
	return join(host, squeeze(path))
}

// squeeze takes out what servers take for nothing: doubled and trailing slashes.
func squeeze(path string) string {
	return strings.Join(strings.FieldsFunc(path, func(r rune) bool { return r == '/' }), "/")
}

func join(name, path string) string {
	if path == "" {
		return name
	}
	return name + "/" + path
}
