package sources

import (
	"net/url"
	"slices"
	"strings"
)

// Repo is a repository that a mirrord serves.
type Repo struct {
	Name      string
	Upstreams []*url.URL
}

// Matcher finds the repository through which a machine gets what it got from a
// URI.
type Matcher struct {
	exact    map[string]string   // place -> repository's name
	archives map[string][]string // place -> archives, by the catalogue
	serves   map[string]string   // archive -> repository's name
	of       map[string]string   // repository's name -> archive
}

// NewMatcher matches against the repositories served. The catalogue's names stand
// for whole archives: every mirror of one holds the same tree, so a machine that
// uses one of them may use the repository that mirrors another.
func NewMatcher(served, catalogue []Repo) *Matcher {
	m := &Matcher{exact: map[string]string{}, archives: map[string][]string{}, serves: map[string]string{}, of: map[string]string{}}
	for _, repo := range catalogue {
		for _, u := range repo.Upstreams {
			m.archives[place(u)] = append(m.archives[place(u)], repo.Name)
		}
	}
	for _, repo := range served {
		for _, u := range repo.Upstreams {
			if _, taken := m.exact[place(u)]; !taken {
				m.exact[place(u)] = repo.Name
			}
		}
		archive := m.archiveOf(repo)
		if _, taken := m.serves[archive]; archive != "" && !taken {
			m.serves[archive] = repo.Name
		}
		m.of[repo.Name] = archive
	}
	return m
}

// Match is the name of the repository that serves the URI's tree.
func (m *Matcher) Match(uri string) (string, bool) {
	u, problem := parseBase(uri)
	if problem != "" {
		return "", false
	}
	archives := m.archivesAt(u)
	// A mirror that holds several archives under one URL says nothing about which is
	// meant, so the plainer name, which the catalogue has first, decides.
	for _, archive := range archives {
		if name, ok := m.serves[archive]; ok {
			return name, true
		}
	}
	name, ok := m.exact[place(u)]
	return name, ok
}

// Archive is the catalogue's name for what the repository mirrors, or "".
func (m *Matcher) Archive(name string) string { return m.of[name] }

// archiveOf prefers an upstream that belongs to one archive only.
func (m *Matcher) archiveOf(repo Repo) string {
	first := ""
	for _, u := range repo.Upstreams {
		archives := m.archivesAt(u)
		if len(archives) == 1 {
			return archives[0]
		}
		if first == "" && len(archives) > 0 {
			first = archives[0]
		}
	}
	return first
}

func (m *Matcher) archivesAt(u *url.URL) []string {
	if name := officialArchive(u.Hostname(), strings.Trim(u.Path, "/")); name != "" {
		return []string{name}
	}
	return m.archives[place(u)]
}

// officialArchive knows the hosts that Debian and Ubuntu run or name themselves.
// Those that keep old releases or past states hold other trees under like paths.
func officialArchive(host, path string) string {
	host = strings.ToLower(host)
	past := []string{"archive.debian.org", "snapshot.debian.org"}
	switch {
	case slices.Contains(past, host):
	case host == "security.debian.org" && path == "":
		return "debian-security"
	case strings.HasSuffix(host, ".debian.org") && (path == "debian" || path == "debian-security"):
		return path
	case host == "security.ubuntu.com" && path == "ubuntu":
		return "ubuntu-security"
	case (host == "archive.ubuntu.com" || strings.HasSuffix(host, ".archive.ubuntu.com")) && path == "ubuntu":
		return "ubuntu"
	case host == "ports.ubuntu.com" && path == "ubuntu-ports":
		return "ubuntu-ports"
	}
	return ""
}

// parseBase reads the URI of a source; problem says why mirrord cannot fetch from it.
func parseBase(uri string) (u *url.URL, problem string) {
	scheme, _, _ := strings.Cut(uri, ":")
	if scheme = strings.ToLower(scheme); scheme != "http" && scheme != "https" {
		return nil, "is not http or https"
	}
	if strings.Contains(uri, "$(") {
		return nil, "holds a variable that only apt expands"
	}
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() == "" {
		return nil, "is not a URL"
	}
	return u, ""
}

// place is what tells two bases apart: host, port unless it is the scheme's own,
// and path. Scheme, user and trailing slash do not.
func place(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && !(port == "80" && u.Scheme == "http") && !(port == "443" && u.Scheme == "https") {
		host += ":" + port
	}
	return host + "/" + strings.Trim(u.EscapedPath(), "/")
}
