package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"mirrord/internal/mirrorlist"
)

const (
	// listsMost is more than a distribution has repositories for one release.
	listsMost    = 64
	expectedList = "an https URL without user and fragment"
	expectedPath = `a path of the tree such as "releases/$releasever/Everything/$basearch/os"`
)

// lists reads the value of metalink or mirrorlist: a URL, a mapping of url and path,
// or a list of these.
func (r *reader) lists(repo *Repo, kind mirrorlist.Kind) setter {
	return func(n ast.Node) error {
		if repo.Type != RPM {
			return r.wrong(n, "%s is for type rpm, expected it there only", kind)
		}
		one := func(n ast.Node) error { return r.oneList(n, repo, kind) }
		if _, many := n.(*ast.SequenceNode); many {
			return r.list(string(kind), one)(n)
		}
		return one(n)
	}
}

func (r *reader) oneList(n ast.Node, repo *Repo, kind mirrorlist.Kind) error {
	l := mirrorlist.List{Kind: kind}
	readURL := value(r, &l.URL, string(kind), expectedList, parseList)
	if _, isMapping := pairs(n); isMapping {
		err := r.mapping(n, string(kind), map[string]setter{
			"url": readURL, "path": value(r, &l.Path, "path", expectedPath, parseTreePath),
		})
		if err != nil {
			return err
		}
	} else if err := readURL(n); err != nil {
		return err
	}
	inPath := mirrorlist.Variables(l.Path)
	switch {
	case l.URL == "":
		return r.wrong(n, "%s without a url, expected url: %s", kind, expectedList)
	case len(repo.Lists) == listsMost:
		return r.wrong(n, "more than %d lists, expected fewer", listsMost)
	case slices.Contains(repo.Lists, l):
		return r.wrong(n, "%s %q is listed twice, expected it once", kind, l.URL)
	}
	for _, name := range mirrorlist.Variables(l.URL) {
		if !slices.Contains(inPath, name) {
			return r.wrong(n, "%s: %s stands in the url and not in the path, expected it in both", kind, name)
		}
	}
	repo.Lists = append(repo.Lists, l)
	return nil
}

// parseList reads the URL of a list. Who can write on the way says where packages
// come from, so http is for this machine only.
func parseList(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", fmt.Errorf("%s is not a URL", shown(s))
	}
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return "", fmt.Errorf("%s is not https", shown(s))
	case u.Hostname() == "" || strings.Contains(u.Host, "$"):
		return "", fmt.Errorf("%s names no host", shown(s))
	case u.User != nil || strings.Contains(s, "#"):
		return "", fmt.Errorf("%s has a user or a fragment", shown(s))
	case strings.ContainsAny(s, " \t\r\n"):
		return "", fmt.Errorf("%s has a blank", shown(s))
	}
	return s, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// parseTreePath reads where in a tree a repository stands; slashes at the ends mean
// nothing.
func parseTreePath(s string) (string, error) {
	clean := strings.Trim(s, "/")
	for element := range strings.SplitSeq(clean, "/") {
		if clean != "" && (element == "" || element == "." || element == "..") {
			return "", fmt.Errorf("%q is not clean", s)
		}
	}
	if strings.ContainsAny(s, "?#\\ \t\r\n") {
		return "", errors.New("has characters that a path has not")
	}
	return clean, nil
}
