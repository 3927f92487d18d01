package mirror

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
	"mirrord/internal/repo/oci"

	"github.com/bmatcuk/doublestar/v4"
)

// Selector chooses names of a repository by one of its other fields; with none it
// means all of them. Of a registry a name is REPOSITORY:TAG or REPOSITORY@DIGEST.
type Selector struct {
	Repo string // "" = all, with Digest only
	// Path is one name. Of a registry it may also be a path of its API, less /v2/,
	// or a repository, which means all names in it.
	Path   string
	Prefix string // what the names begin with
	Glob   string // ** crosses slashes
	Digest digest.Digest
	Tag    string // REPOSITORY:TAG of a registry
}

// ErrSelector reports a Selector that makes no sense.
var ErrSelector = errors.New("bad selection")

func badSelector(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSelector, fmt.Sprintf(format, args...))
}

// chosen is a Selector read: the repositories, and which of their names.
type chosen struct {
	places  []place
	prefix  string // what the names begin with
	only    string // the one name, "" for all that fit
	digest  digest.Digest
	after   name                   // names up to this one, of its place, are left out; zero = none
	vouched bool                   // entries are left out
	fits    func(path string) bool // nil = all
}

// place is one repository or registry, whose names are walked.
type place struct {
	name string
	r    *repository // nil for a registry
	reg  *registry   // nil for a repository
}

// choose reads a Selector.
func (m *Mirror) choose(s Selector) (chosen, error) {
	set := 0
	for _, field := range []string{s.Path, s.Prefix, s.Glob, string(s.Digest), s.Tag} {
		if field != "" {
			set++
		}
	}
	if set > 1 {
		return chosen{}, badSelector("expected one of path, prefix, glob, digest and tag, not %d of them", set)
	}
	if s.Repo == "" && s.Digest == "" {
		return chosen{}, badSelector("repo is missing, expected a repository's name")
	}
	var c chosen
	for _, p := range m.places() {
		if s.Repo == "" || p.name == s.Repo {
			c.places = append(c.places, p)
		}
	}
	if len(c.places) == 0 {
		return chosen{}, fmt.Errorf("%w: %q", ErrUnknownRepo, s.Repo)
	}
	return c, c.read(s)
}

func (c *chosen) read(s Selector) (err error) {
	registry := c.places[0].reg != nil
	switch {
	case s.Digest != "":
		c.digest, err = digest.Parse(string(s.Digest))
		if err != nil {
			return badSelector("digest %.80q: %v", s.Digest, err)
		}
	case s.Tag != "":
		if c.only, err = tagName(s.Tag); err == nil && !registry {
			err = badSelector("%s is no registry, expected one with tag", s.Repo)
		}
	case s.Glob != "":
		if !doublestar.ValidatePattern(s.Glob) {
			return badSelector("glob %.80q is malformed", s.Glob)
		}
		c.prefix = s.Glob[:fixed(s.Glob)]
		c.fits = func(path string) bool { return doublestar.MatchUnvalidated(s.Glob, path) }
	case s.Prefix != "":
		c.prefix = strings.TrimPrefix(s.Prefix, "/")
	case s.Path != "" && registry:
		err = c.readImage(s.Path)
	case s.Path != "":
		if c.only, err = repo.CleanName(strings.TrimPrefix(s.Path, "/")); err != nil {
			err = badSelector("path %.80q: %v", s.Path, err)
		}
	}
	return err
}

// fixed is the length of what stands before the first sign of a pattern.
func fixed(glob string) int {
	if i := strings.IndexAny(glob, `*?[{\`); i >= 0 {
		return i
	}
	return len(glob)
}

// tagName checks REPOSITORY:TAG.
func tagName(s string) (string, error) {
	repository, tag, ok := strings.Cut(s, ":")
	if _, err := oci.ParseRequest("GET", "/v2/"+repository+"/manifests/"+tag, ""); !ok || err != nil || strings.Contains(tag, ":") {
		return "", badSelector("tag %.80q, expected REPOSITORY:TAG", s)
	}
	return s, nil
}

// readImage reads a path of a registry in any of its forms.
func (c *chosen) readImage(path string) error {
	path = strings.TrimPrefix(path, "/")
	if req, err := oci.ParseRequest("GET", "/v2/"+path, ""); err == nil {
		switch {
		case req.Digest != "":
			c.only = req.Repository + "@" + string(req.Digest)
			return nil
		case req.Tag != "":
			c.only = req.Repository + ":" + req.Tag
			return nil
		}
	}
	if repository, sum, ok := strings.Cut(path, "@"); ok {
		if _, err := oci.ParseRequest("GET", "/v2/"+repository+"/blobs/"+sum, ""); err != nil {
			return badSelector("path %.80q, expected REPOSITORY@DIGEST", path)
		}
		c.only = path
		return nil
	}
	if strings.Contains(path, ":") {
		only, err := tagName(path)
		c.only = only
		return err
	}
	if _, err := oci.ParseRequest("GET", "/v2/"+path+"/tags/list", ""); err != nil {
		return badSelector("path %.80q, expected a repository, REPOSITORY:TAG or REPOSITORY@DIGEST", path)
	}
	c.prefix = path
	c.fits = func(name string) bool { // not the names of repositories that begin alike
		rest, ok := strings.CutPrefix(name, path)
		return ok && rest != "" && (rest[0] == ':' || rest[0] == '@' || strings.HasPrefix(rest, "/tags/list") || strings.HasPrefix(rest, "/referrers/"))
	}
	return nil
}

// from is where the names of p to look at begin.
func (c chosen) from(p place) string {
	if c.after.place.name == p.name {
		return max(c.only, c.prefix, c.after.path)
	}
	return max(c.only, c.prefix)
}

// has reports a name that is chosen; over that no later one is.
func (c chosen) has(n name) (ok, over bool) {
	switch {
	case c.after.place.name == n.place.name && n.path <= c.after.path:
		return false, false
	case c.only != "":
		return n.path == c.only, n.path > c.only
	case !strings.HasPrefix(n.path, c.prefix):
		return false, n.path > c.prefix
	case c.digest != "":
		return n.digest == c.digest, false
	}
	return c.fits == nil || c.fits(n.path), false
}

// Locate is the Selector of an artifact's URL.
func (m *Mirror) Locate(escapedPath, rawQuery string) (Selector, error) {
	if escapedPath == "/v2" || strings.HasPrefix(escapedPath, "/v2/") {
		req, err := oci.ParseRequest("GET", escapedPath, rawQuery)
		if err != nil {
			return Selector{}, badSelector("%v", err)
		}
		places, err := m.names.Places(req, m.aliases)
		if err != nil || len(places) == 0 || req.Kind != oci.KindManifest && req.Kind != oci.KindBlob {
			return Selector{}, badSelector("%.200q is no manifest and no blob of a registry that is served", escapedPath)
		}
		at := places[0]
		if at.Tag != "" {
			return Selector{Repo: at.Registry, Path: at.Repository + ":" + at.Tag}, nil
		}
		return Selector{Repo: at.Registry, Path: at.Repository + "@" + string(cmp.Or(at.Digest, req.Digest))}, nil
	}
	clean, err := repo.CleanPath(strings.TrimPrefix(escapedPath, "/"))
	if err != nil {
		return Selector{}, badSelector("%v", err)
	}
	name, path, ok := strings.Cut(clean, "/")
	if !ok {
		return Selector{}, badSelector("%.200q, expected /NAME/PATH", escapedPath)
	}
	return Selector{Repo: name, Path: path}, nil
}

// cutDigest takes REPOSITORY@DIGEST apart.
func cutDigest(path string) (repository string, d digest.Digest, ok bool) {
	repository, sum, ok := strings.Cut(path, "@")
	return repository, digest.Digest(sum), ok
}

// pullOf asks for a name of a registry as a client without credentials would, false
// for one that is a list.
func pullOf(registry, path string) (p Pull, ok bool) {
	p.Namespace = registry
	if p.Repository, p.Digest, ok = cutDigest(path); ok {
		p.Kind = oci.KindBlob
		return p, true
	}
	p.Kind = oci.KindManifest
	p.Repository, p.Tag, ok = cutTag(path)
	return p, ok
}

// cutTag takes REPOSITORY:TAG apart. A registry's port is no part of a repository.
func cutTag(path string) (repository, tag string, ok bool) { return strings.Cut(path, ":") }
