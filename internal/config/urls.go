package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const expectedURL = "an http or https URL without query and fragment"

// ParseUpstream reads a mirror's base URL. A trailing slash means nothing and is
// dropped. The text of an error never holds the URL's user or password.
func ParseUpstream(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL", shown(s))
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s is not http or https", shown(s))
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fmt.Errorf("%s names no host", shown(s))
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return nil, fmt.Errorf("%s has a query or fragment", shown(s))
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return nil, fmt.Errorf("%s has a .. segment", shown(s))
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

const expectedPublic = "an http or https URL without user, query and fragment"

// parsePublic reads the URL that clients reach mirrord by.
func parsePublic(s string) (*url.URL, error) {
	u, err := ParseUpstream(s)
	if err == nil && u.User != nil {
		return nil, fmt.Errorf("%s has a user", shown(s))
	}
	return u, err
}

// shown quotes what the user wrote, with everything up to an @ left out: it may
// be a password even where the text is no URL.
func shown(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return fmt.Sprintf("%q", "..."+s[at:])
	}
	return fmt.Sprintf("%q", s)
}

var hostPattern = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)

const expectedPattern = `a host such as "cdn.example", "*.cdn.example" or "cdn.example:8443"`

func parsePattern(s string) (string, error) {
	folded := strings.ToLower(s)
	if !hostPattern.MatchString(folded) {
		return "", fmt.Errorf("%q is not a host pattern", s)
	}
	return folded, nil
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// reserved names are mirrord's own paths.
var reserved = []string{"healthz", "readyz", "metrics", "api", "v2", "metalink", "mirrorlist", "fleet"}

const (
	expectedName = "lower-case letters, digits, dots, dashes and underscores, a letter or digit first"
	maxName      = 128 // bytes: the name is a path segment, a metrics label and a part of database keys
)

// ParseName checks a repository's name.
func ParseName(s string) (string, error) {
	switch {
	case len(s) > maxName:
		return "", errors.New("the name is too long")
	case !nameForm.MatchString(s):
		return "", fmt.Errorf("%q is not a repository name", s)
	case slices.Contains(reserved, s):
		return "", fmt.Errorf("%q is one of mirrord's own paths", s)
	}
	return s, nil
}
