package main

import (
	"net/url"
	"strings"

	"mirrord/internal/digest"
)

const targetHelp = `TARGET is one of
  REPO             all of a repository
  REPO/PATH        one path; of a registry docker.io/library/alpine:3, or with @DIGEST
  REPO/DIRECTORY/  what is below it
  REPO/PATTERN     with *, **, ?, [a-z] or {a,b}
  sha256:DIGEST    one object`

// target is what a verb acts on, as the admin API takes it.
type target struct {
	Repo   string        `json:"repo,omitempty"`
	Path   string        `json:"path,omitempty"`
	Prefix string        `json:"prefix,omitempty"`
	Glob   string        `json:"glob,omitempty"`
	Digest digest.Digest `json:"digest,omitempty"`
}

// parseTarget reads a TARGET. What it names need not exist.
func parseTarget(s string) target {
	if d, err := digest.Parse(s); err == nil {
		return target{Digest: d}
	}
	repo, rest, _ := strings.Cut(strings.TrimPrefix(s, "/"), "/")
	t := target{Repo: repo}
	switch {
	case strings.ContainsAny(rest, "*?[{"):
		t.Glob = rest
	case strings.HasSuffix(rest, "/"):
		t.Prefix = rest
	default:
		t.Path = rest
	}
	return t
}

// query is the target as parameters of a URL.
func (t target) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"repo": t.Repo, "path": t.Path, "prefix": t.Prefix, "glob": t.Glob, "digest": string(t.Digest)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}
