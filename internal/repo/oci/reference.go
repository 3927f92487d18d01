package oci

import (
	"fmt"
	"strings"

	"mirrord/internal/digest"
)

// Hub is the registry that bare names mean to every client, and whose own clients
// leave library/ out.
const Hub = "docker.io"

const library = "library/"

// maxReference has room for every part at its longest, and what stands between them.
const maxReference = maxHost + maxName + maxTag + len("/:@sha512:") + 128

// Reference names an image, or a repository where it has neither Tag nor Digest.
type Reference struct {
	Registry, Repository, Tag string
	Digest                    digest.Digest
}

// ParseReference reads what people write after "docker pull", less the implied tag:
// "alpine:3", "ghcr.io/a/b", "localhost:5000/x@sha256:…". The first element is a registry
// where it is known or looks like a host; otherwise defaultRegistry counts. On
// docker.io "alpine" is library/alpine, as it is for docker.
func ParseReference(s, defaultRegistry string, known func(string) bool) (Reference, error) {
	if len(s) > maxReference {
		return Reference{}, fmt.Errorf("a reference of more than %d bytes", maxReference)
	}
	ref := Reference{Registry: defaultRegistry}
	rest, sum, hasDigest := strings.Cut(s, "@")
	if first, after, ok := strings.Cut(rest, "/"); ok && isRegistry(first, known) {
		ref.Registry, rest = first, after
	}
	name, tag, hasTag := strings.Cut(rest, ":")
	ref.Repository, ref.Tag = name, tag
	if ref.Registry == Hub {
		ref.Repository = canonical(name)
	}
	switch {
	case ref.Registry == "":
		return Reference{}, fmt.Errorf("reference %q names no registry, and none is the default", s)
	case !isHost(ref.Registry):
		return Reference{}, fmt.Errorf("reference %q: %q is no registry, expected HOST or HOST:PORT", s, ref.Registry)
	case !isName(ref.Repository):
		return Reference{}, fmt.Errorf("reference %q: %q is no repository, expected lower-case elements such as library/alpine", s, name)
	case hasTag && !isTag(tag):
		return Reference{}, fmt.Errorf("reference %q: %q is no tag", s, tag)
	case !hasDigest:
		return ref, nil
	}
	d, err := parseDigest(sum)
	if err != nil {
		return Reference{}, fmt.Errorf("reference %q: %w", s, err)
	}
	ref.Digest = d
	return ref, nil
}

func isRegistry(first string, known func(string) bool) bool {
	return first == "localhost" || strings.ContainsAny(first, ".:") || known != nil && known(first)
}

// canonical gives a repository of one element the prefix that is implied.
func canonical(repository string) string {
	if repository == "" || strings.Contains(repository, "/") {
		return repository
	}
	return library + repository
}

// String writes every part out, so that ParseReference reads the same again.
func (r Reference) String() string {
	s := r.Registry + "/" + r.Repository
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}
