package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/goccy/go-yaml/ast"
)

// top reads the whole file.
func (r reader) top(n ast.Node, cfg *Config) error {
	return r.mapping(n, "the configuration", map[string]setter{
		"listen":   r.listen(&cfg.Listen),
		"data_dir": value(r, &cfg.DataDir, "data_dir", expectedText, parseText),
		"cache": func(n ast.Node) error {
			return r.mapping(n, "cache", map[string]setter{
				"max_size":  value(r, &cfg.Cache.MaxSize, "max_size", expectedSize, parseBudget),
				"min_free":  value(r, &cfg.Cache.MinFree, "min_free", expectedSize, parseSize),
				"abandoned": value(r, &cfg.Cache.Abandoned, "abandoned", "finish or park", parseAbandoned),
			})
		},
		"admin": func(n ast.Node) error {
			return r.mapping(n, "admin", map[string]setter{
				"token_file": value(r, &cfg.TokenFile, "token_file", expectedText, parseText),
			})
		},
		"upstream": func(n ast.Node) error {
			return r.mapping(n, "upstream", map[string]setter{
				"connect_timeout": value(r, &cfg.Upstream.Connect, "connect_timeout", expectedWait, parseWait),
				"header_timeout":  value(r, &cfg.Upstream.Header, "header_timeout", expectedWait, parseWait),
				"idle_timeout":    value(r, &cfg.Upstream.Idle, "idle_timeout", expectedWait, parseWait),
			})
		},
		"repos": r.list("repos", func(n ast.Node) error {
			repo, err := r.repo(n)
			cfg.Repos = append(cfg.Repos, repo)
			return err
		}),
	})
}

func (r reader) listen(to *[]string) setter {
	return func(n ast.Node) error {
		var all []string
		var one string
		read := value(r, &one, "listen", expectedAddress, ParseListen)
		err := r.list("listen", func(n ast.Node) error {
			if err := read(n); err != nil {
				return err
			}
			all = append(all, one)
			return nil
		})(n)
		*to = all
		return err
	}
}

// repo reads one entry of repos.
func (r reader) repo(n ast.Node) (Repo, error) {
	repo := Repo{Fresh: -1}
	line := lineOf(n)
	err := r.mapping(n, "a repository", map[string]setter{
		"name":      r.name(&repo.Name),
		"type":      value(r, &repo.Type, "type", "apt or generic", parseType),
		"upstreams": r.upstreams(&repo.Upstreams),
		"keyring":   value(r, &repo.Keyring, "keyring", "a file that can be read", ParseKeyring),
		"verify":    r.verify,
		"default":   r.defaultRepo,
		"fresh":     value(r, &repo.Fresh, "fresh", expectedFresh, parseFresh),
		"redirects": r.redirects(&repo.Redirects),
	})
	switch {
	case err != nil:
		return repo, err
	case repo.Name == "":
		return repo, r.errorf(line, "a repository without a name, expected name: %s", expectedName)
	case repo.Type == "":
		return repo, r.errorf(line, "repository %q has no type, expected type: apt or generic", repo.Name)
	case len(repo.Upstreams) == 0:
		return repo, r.errorf(line, "repository %q has no upstreams, expected at least one URL", repo.Name)
	}
	if repo.Fresh < 0 {
		repo.Fresh = defaultFreshGeneric
		if repo.Type == Apt {
			repo.Fresh = defaultFreshApt
		}
	}
	return repo, nil
}

func (r reader) name(to *string) setter {
	read := value(r, to, "name", expectedName, ParseName)
	return func(n ast.Node) error {
		if err := read(n); err != nil {
			return err
		}
		if line, taken := r.names[*to]; taken {
			return r.wrong(n, "repository name %q is taken on line %d, expected another name", *to, line)
		}
		r.names[*to] = lineOf(n)
		return nil
	}
}

func (r reader) upstreams(to *[]*url.URL) setter {
	var one *url.URL
	read := value(r, &one, "upstreams", expectedURL, ParseUpstream)
	return r.list("upstreams", func(n ast.Node) error {
		if err := read(n); err != nil {
			return err
		}
		for _, other := range *to {
			if other.String() == one.String() {
				return r.wrong(n, "upstream %q is listed twice, expected it once", one.Redacted())
			}
		}
		*to = append(*to, one)
		return nil
	})
}

func (r reader) redirects(to *[]string) setter {
	var one string
	read := value(r, &one, "redirects", expectedPattern, parsePattern)
	return r.list("redirects", func(n ast.Node) error {
		if err := read(n); err != nil {
			return err
		}
		*to = append(*to, one)
		return nil
	})
}

// verify takes off only: a promise is kept or not made.
func (r reader) verify(n ast.Node) error {
	switch text, _ := scalar(n); text {
	case "off":
		return nil
	case "required", "warn":
		return r.wrong(n, "verify: %s cannot be kept, signatures are not checked yet; expected off", text)
	}
	return r.wrong(n, "verify is %s, expected off", kind(n))
}

// defaultRepo takes false only: true belongs to a type that is refused.
func (r reader) defaultRepo(n ast.Node) error {
	var on bool
	if err := value(r, &on, "default", "true or false", parseBool)(n); err != nil {
		return err
	}
	if on {
		return r.wrong(n, "default: true is for type oci, which is not served yet; expected false")
	}
	return nil
}

func parseType(s string) (Type, error) {
	switch s {
	case string(Apt), string(Generic):
		return Type(s), nil
	case "rpm", "oci":
		return "", fmt.Errorf("%q is not served yet", s)
	}
	return "", fmt.Errorf("%q is unknown", s)
}

// ParseKeyring opens the file and reads a byte, so that one that is missing,
// forbidden, a directory or empty is known now and not at the first signature.
func ParseKeyring(s string) (string, error) {
	f, err := os.Open(s)
	if err != nil {
		return "", fmt.Errorf("%q cannot be read: %s", s, reason(err))
	}
	defer f.Close()
	if _, err := f.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%q is empty", s)
	} else if err != nil {
		return "", fmt.Errorf("%q cannot be read: %s", s, reason(err))
	}
	return s, nil
}
