package oci

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"mirrord/internal/digest"
)

// Names is the closed table of registries.
type Names struct {
	Default string // the registry of a request that names none, "" where it is refused
	Known   map[string]bool
	Library map[string]bool // registries where library/ is implied
}

// Place is where to look: a registry of the table and a repository there.
type Place struct {
	Registry, Repository string
	Tag                  string        // the tag to ask for there, "" where the request has none
	Digest               digest.Digest // the manifest that an alias puts in place of the tag, mostly ""
	By                   *Alias        // what led here, nil for the name's own place
}

// Places tells where a request other than KindPing may be answered from, in order. The
// registry is ns, else a leading name of the table, else the default.
//
// An alias of the tag asked for, else of the whole name, is the only place. Manifests
// and blobs that the alias of a tag leads to are asked for by digest under the name
// that the client knows, so a request by digest looks where all the name's aliases
// lead, then at its own places. Where library/ is implied these are library/NAME, then NAME.
func (n Names) Places(r Request, aliases Aliases) ([]Place, error) {
	registry, repository, err := n.registry(r)
	if err != nil {
		return nil, err
	}
	own := []string{repository}
	if n.Library[registry] && canonical(repository) != repository {
		own = []string{canonical(repository), repository}
	}
	var places []Place
	var only bool
	for _, repository := range own {
		if of := aliases.byName[name{registry, repository}]; of != nil && !only {
			var more []Place
			more, only = of.places(r)
			places = append(places, more...)
		}
	}
	if !only {
		for _, repository := range own {
			places = append(places, Place{Registry: registry, Repository: repository, Tag: r.Tag})
		}
	}
	if err := n.check(places); err != nil {
		return nil, err
	}
	return distinct(places), nil
}

// Asked is the place that a request names itself, whatever aliases make of it.
func (n Names) Asked(r Request) (Place, error) {
	registry, repository, err := n.registry(r)
	if n.Library[registry] {
		repository = canonical(repository)
	}
	return Place{Registry: registry, Repository: repository, Tag: r.Tag}, err
}

// registry splits what the request names into a registry of the table and a repository.
func (n Names) registry(r Request) (registry, repository string, err error) {
	registry, repository = r.Namespace, r.Repository
	first, rest, _ := strings.Cut(r.Repository, "/")
	switch {
	case registry != "":
	case rest != "" && n.Known[first]:
		registry, repository = first, rest
	case rest != "" && (!isName(r.Repository) || n.Library[n.Default] && strings.Contains(first, ".")):
		registry = first // a host that is not of the table: docker.io's own names have no dot there
	default:
		registry = n.Default
	}
	switch {
	case registry == "":
		return "", "", unknownName("%q names no registry, and none is the default", r.Repository)
	case !n.Known[registry]:
		return "", "", unknownName("registry %q is not mirrored here", registry)
	case !isName(repository):
		return "", "", invalidName("%.80q is no repository", repository)
	}
	return registry, repository, nil
}

// places are where the aliases of a name lead; only, that no other place counts.
func (of *aliased) places(r Request) (places []Place, only bool) {
	if alias := of.tagged(r.Tag); alias != nil {
		return []Place{alias.place(r.Tag)}, true
	}
	if r.Digest != "" {
		for _, alias := range of.tags {
			places = append(places, Place{Registry: alias.To.Registry, Repository: alias.To.Repository, By: alias})
		}
	}
	if of.whole != nil {
		return append(places, of.whole.place(r.Tag)), true
	}
	return places, false
}

func (a *Alias) place(tag string) Place {
	p := Place{Registry: a.To.Registry, Repository: a.To.Repository, Tag: tag, Digest: a.To.Digest, By: a}
	switch {
	case a.To.Digest != "":
		p.Tag = ""
	case a.To.Tag != "":
		p.Tag = a.To.Tag
	}
	return p
}

// distinct drops places that would be asked the same again.
func distinct(places []Place) []Place {
	var kept []Place
	for _, p := range places {
		same := func(k Place) bool {
			return k.Registry == p.Registry && k.Repository == p.Repository && k.Tag == p.Tag && k.Digest == p.Digest
		}
		if !slices.ContainsFunc(kept, same) {
			kept = append(kept, p)
		}
	}
	return kept
}

// check keeps aliases within the table.
func (n Names) check(places []Place) error {
	for _, p := range places {
		if !n.Known[p.Registry] {
			return unknownName("alias %v leads to registry %q, which is not mirrored here", p.By.From, p.Registry)
		}
	}
	return nil
}

func unknownName(format string, args ...any) *Error {
	return &Error{CodeNameUnknown, http.StatusNotFound, fmt.Sprintf(format, args...)}
}
