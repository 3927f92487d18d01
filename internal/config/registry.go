package config

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// registryFields adds the keys of type oci; with another type each is refused
// where it stands.
func (r *reader) registryFields(repo *Repo, fields map[string]setter) {
	own := map[string]setter{
		"realms":        r.texts(&repo.Realms, "realms", expectedRealm, parseRealm),
		"share":         r.texts(&repo.Share, "share", expectedShare, parseShare),
		"gone":          value(r, &repo.Gone, "gone", "deny, warn or serve", parseGone),
		"docker_config": value(r, &repo.DockerConfig, "docker_config", expectedFile, parseReadable),
		"login":         value(r, &repo.Login, "login", expectedBool, parseBool),
	}
	if repo.Type == OCI {
		repo.Gone = Deny
		maps.Copy(fields, own)
		return
	}
	for key := range own {
		fields[key] = func(n ast.Node) error {
			return r.wrong(n, "%s is for type oci, expected it there only", key)
		}
	}
}

// hub is the registry whose repositories all have two elements: where clients leave
// out the first, library is meant.
const hub = "docker.io"

// shares refuses what would be read and then never used: credentials for nothing,
// and patterns that no name matches. It needs all keys, in whatever order they stand.
func (r *reader) shares(n ast.Node, repo Repo) error {
	if repo.Type != OCI {
		return nil
	}
	if len(repo.Share) == 0 && repo.DockerConfig != "" {
		return r.wrong(field(n, "docker_config"), "docker_config is used for what share lists only, expected share")
	}
	for i, u := range repo.Upstreams {
		if len(repo.Share) == 0 && u.User != nil {
			return r.wrong(element(n, "upstreams", i), "the user of upstream %s is used for what share lists only, expected share", u.Host)
		}
	}
	for i, pattern := range repo.Share {
		if repo.Name == hub && !strings.Contains(pattern, "/") && pattern != "*" && pattern != "**" {
			return r.wrong(element(n, "share", i), "share: %q matches nothing of %s, expected %q", pattern, hub, "library/"+pattern)
		}
	}
	return nil
}

func (r *reader) defaultRepo(repo *Repo) setter {
	return func(n ast.Node) error {
		if err := value(r, &repo.Default, "default", expectedBool, parseBool)(n); err != nil || !repo.Default {
			return err
		}
		if repo.Type != OCI {
			return r.wrong(n, "default: true is for type oci, expected false")
		}
		if r.defaultLine != 0 {
			return r.wrong(n, "a second default, the first is on line %d, expected one", r.defaultLine)
		}
		r.defaultLine = lineOf(n)
		return nil
	}
}

// registryURL puts an upstream's path where the distribution specification has
// repository names, behind /v2: it is their prefix there. Who wrote /v2 already
// meant the same.
func registryURL(u *url.URL) *url.URL {
	to := *u
	to.Path = "/v2" + withoutV2(u.Path)
	if u.RawPath != "" {
		to.RawPath = "/v2" + withoutV2(u.RawPath)
	}
	return &to
}

func withoutV2(p string) string {
	if rest, ok := strings.CutPrefix(p, "/v2"); ok && (rest == "" || rest[0] == '/') {
		return rest
	}
	return p
}

const expectedRegistry = `a registry's name such as "docker.io" or "registry.example:5000", in lower case`

// parseRegistry checks the name of an oci repository, which is what clients call
// the registry: a name as of the other types, that may end in a port.
func parseRegistry(s string) (string, error) {
	name, port, hasPort := strings.Cut(s, ":")
	if _, err := ParseName(name); err != nil {
		return "", fmt.Errorf("%q is not a registry's name or one of mirrord's own paths", s)
	}
	if len(s) > maxName {
		return "", errors.New("the name is too long")
	}
	if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0) {
		return "", fmt.Errorf("%q has no port between 1 and 65535", s)
	}
	return s, nil
}

const expectedRealm = `a host such as "auth.example" or "auth.example:8443"`

// parseRealm admits no wildcard: a realm is given passwords.
func parseRealm(s string) (string, error) {
	folded := strings.ToLower(s)
	if !hostPattern.MatchString(folded) || folded[0] == '*' {
		return "", fmt.Errorf("%q is not a host", s)
	}
	return folded, nil
}

const expectedShare = `a pattern of repository names such as "library/*", "team/**" or "**"`

// shareForm has the characters of repository names and of path.Match; names have
// no capitals, so a pattern with one would match nothing.
var shareForm = regexp.MustCompile(`^[a-z0-9._*?\[\]^-]+(/[a-z0-9._*?\[\]^-]+)*$`)

func parseShare(s string) (string, error) {
	if !shareForm.MatchString(s) {
		return "", fmt.Errorf("%q is not a pattern", s)
	}
	if _, err := path.Match(s, ""); err != nil {
		return "", fmt.Errorf("%q is not a pattern", s)
	}
	if i := strings.Index(s, "**"); i >= 0 && s != "**" && (i != len(s)-2 || s[i-1] != '/') {
		return "", fmt.Errorf("%q has ** elsewhere than as its end", s)
	}
	return s, nil
}

// Shares says whether a repository of the registry is among those that Share lists.
func (r Repo) Shares(repository string) bool {
	return slices.ContainsFunc(r.Share, func(pattern string) bool { return matchShare(pattern, repository) })
}

// matchShare is path.Match, but that "*" and "**" alone match every name and a
// last "/**" everything below.
func matchShare(pattern, repository string) bool {
	if pattern == "*" || pattern == "**" {
		return true
	}
	if above, below := strings.CutSuffix(pattern, "/**"); below {
		elements := strings.Split(repository, "/")
		depth := strings.Count(above, "/") + 1
		if len(elements) <= depth {
			return false
		}
		pattern, repository = above, strings.Join(elements[:depth], "/")
	}
	ok, err := path.Match(pattern, repository)
	return ok && err == nil
}

func parseGone(s string) (Gone, error) {
	switch g := Gone(s); g {
	case Deny, Warn, Serve:
		return g, nil
	}
	return "", fmt.Errorf("%q is unknown", s)
}
