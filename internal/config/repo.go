package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml/ast"

	"mirrord/internal/mirrorlist"
)

const (
	expectedType = "apt, rpm, generic or oci"
	expectedFile = "a file that can be read"
	expectedBool = "true or false"
)

// repo reads one entry of repos. The type is read first, wherever it stands: it
// says what the other keys may be.
func (r *reader) repo(n ast.Node) (Repo, error) {
	repo := Repo{Fresh: -1}
	line := lineOf(n)
	readType := value(r, &repo.Type, "type", expectedType, parseType)
	if text := field(n, "type"); text != nil {
		if err := readType(text); err != nil {
			return repo, err
		}
	}
	fields := map[string]setter{
		"name":        r.name(&repo),
		"type":        readType,
		"upstreams":   r.upstreams(&repo),
		"metalink":    r.lists(&repo, mirrorlist.Metalink),
		"mirrorlist":  r.lists(&repo, mirrorlist.Mirrorlist),
		"keyring":     r.keyring(&repo),
		"verify":      r.verify,
		"default":     r.defaultRepo(&repo),
		"fresh":       value(r, &repo.Fresh, "fresh", expectedFresh, parseFresh),
		"history":     r.history(&repo),
		"connections": value(r, &repo.Connections, "connections", expectedConnections, parseConnections),
		"max_size":    value(r, &repo.MaxSize, "max_size", expectedSize, parseBudget),
		"rate":        value(r, &repo.Rate, "rate", expectedRate, parseRate),
		"redirects":   r.texts(&repo.Redirects, "redirects", expectedPattern, parsePattern),
	}
	r.registryFields(&repo, fields)
	err := r.mapping(n, "a repository", fields)
	switch {
	case err != nil:
		return repo, err
	case repo.Name == "":
		return repo, r.errorf(line, "a repository without a name, expected name: %s", expectedName)
	case repo.Type == "":
		return repo, r.errorf(line, "repository %q has no type, expected type: %s", repo.Name, expectedType)
	case len(repo.Upstreams) == 0 && len(repo.Lists) == 0:
		return repo, r.errorf(line, "repository %q has no upstreams, expected at least one URL", repo.Name)
	}
	if err := r.shares(n, repo); err != nil {
		return repo, err
	}
	if repo.Fresh < 0 {
		repo.Fresh = defaultFresh[repo.Type]
	}
	return repo, nil
}

func (r *reader) name(repo *Repo) setter {
	read := value(r, &repo.Name, "name", expectedName, ParseName)
	if repo.Type == OCI {
		read = value(r, &repo.Name, "name", expectedRegistry, parseRegistry)
	}
	return func(n ast.Node) error {
		if err := read(n); err != nil {
			return err
		}
		if line, taken := r.names[repo.Name]; taken {
			return r.wrong(n, "repository name %q is taken on line %d, expected another name", repo.Name, line)
		}
		r.names[repo.Name] = lineOf(n)
		return nil
	}
}

// texts reads a list of scalars that parse accepts.
func (r *reader) texts(to *[]string, key, expected string, parse func(string) (string, error)) setter {
	var one string
	read := value(r, &one, key, expected, parse)
	return r.list(key, func(n ast.Node) error {
		if err := read(n); err != nil {
			return err
		}
		*to = append(*to, one)
		return nil
	})
}

func (r *reader) keyring(repo *Repo) setter {
	read := value(r, &repo.Keyring, "keyring", expectedFile, ParseKeyring)
	return func(n ast.Node) error {
		if repo.Type == OCI {
			return r.wrong(n, "keyring is not for type oci, expected it with apt, rpm or generic")
		}
		return read(n)
	}
}

// history is for repositories with roots.
func (r *reader) history(repo *Repo) setter {
	read := value(r, &repo.History, "history", expectedFresh, parseFresh)
	return func(n ast.Node) error {
		if repo.Type != Apt && repo.Type != RPM {
			return r.wrong(n, "history is not for type %s, expected it with apt or rpm", repo.Type)
		}
		return read(n)
	}
}

// verify takes off only: a promise is kept or not made.
func (r *reader) verify(n ast.Node) error {
	switch text, _ := scalar(n); text {
	case "off":
		return nil
	case "required", "warn":
		return r.wrong(n, "verify: %s cannot be kept, signatures are not checked yet; expected off", text)
	}
	return r.wrong(n, "verify is %s, expected off", kind(n))
}

func parseType(s string) (Type, error) {
	switch Type(s) {
	case Apt, RPM, Generic, OCI:
		return Type(s), nil
	}
	return "", fmt.Errorf("%q is unknown", s)
}

// ParseKeyring checks that a keyring can be used.
func ParseKeyring(s string) (string, error) { return parseReadable(s) }

// parseReadable opens the file and reads a byte, so that one that is missing,
// forbidden, a directory or empty is known now and not at its first use.
func parseReadable(s string) (string, error) {
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
