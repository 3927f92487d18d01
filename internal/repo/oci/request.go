package oci

import (
	"fmt"
	"net/http"
	"strings"

	"mirrord/internal/digest"
)

// A Kind is what a request of the distribution API asks for.
type Kind int

// The pull side of the API, less the catalogue of repositories.
const (
	KindPing      Kind = iota // /v2/
	KindManifest              // /v2/NAME/manifests/TAG or DIGEST
	KindBlob                  // /v2/NAME/blobs/DIGEST
	KindTags                  // /v2/NAME/tags/list
	KindReferrers             // /v2/NAME/referrers/DIGEST
)

// maxPath has room for a host, a repository and a digest, each as long as may be.
const maxPath = 1024

// Request is one GET or HEAD, read once.
type Request struct {
	Kind       Kind
	Namespace  string        // the registry that ns= names, "" for none
	Repository string        // as in the path: "library/alpine", or with a registry's name in front
	Tag        string        // KindManifest by tag
	Digest     digest.Digest // KindManifest by digest, KindBlob, KindReferrers
	// Query is what upstream needs to find a page of KindTags or KindReferrers: n,
	// last, then its own keys in order; without ns and artifactType.
	Query        string
	ArtifactType string // KindReferrers: what to list only, "" for all
}

// ParseRequest reads a request whose path begins with /v2. Every error is an *Error.
func ParseRequest(method, escapedPath, rawQuery string) (Request, error) {
	if method != http.MethodGet && method != http.MethodHead {
		return Request{}, &Error{CodeUnsupported, http.StatusMethodNotAllowed, "this is a mirror: it is pulled from, not pushed to"}
	}
	if len(escapedPath) > maxPath {
		return Request{}, invalidName("a path of more than %d bytes", maxPath)
	}
	r, err := parsePath(colons.Replace(escapedPath))
	if err != nil {
		return Request{}, err
	}
	if err := r.readQuery(rawQuery); err != nil {
		return Request{}, err
	}
	return r, nil
}

// colons undoes the one escape that some clients write. Nothing else that a path may
// hold needs one, so that every other % is refused with the part it stands in.
var colons = strings.NewReplacer("%3A", ":", "%3a", ":")

func parsePath(path string) (Request, error) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if path == "/v2" || ok && rest == "" {
		return Request{Kind: KindPing}, nil
	}
	head, last, _ := cutLast(rest)
	name, kind, named := cutLast(head)
	if !ok || !named {
		return Request{}, unknownPath(path)
	}
	r := Request{Repository: name}
	var err error
	switch {
	case kind == "manifests" && !strings.Contains(last, ":"):
		r.Kind, r.Tag = KindManifest, last
	case kind == "manifests":
		r.Kind, r.Digest, err = KindManifest, digest.Digest(last), checkDigest(last)
	case kind == "blobs" && last != "uploads":
		r.Kind, r.Digest, err = KindBlob, digest.Digest(last), checkDigest(last)
	case kind == "referrers":
		r.Kind, r.Digest, err = KindReferrers, digest.Digest(last), checkDigest(last)
	case kind == "tags" && last == "list":
		r.Kind = KindTags
	default:
		return Request{}, unknownPath(path)
	}
	return r.checked(err)
}

// checked refuses a bad name before a bad digest or tag.
func (r Request) checked(digestErr error) (Request, error) {
	switch {
	case !isPathName(r.Repository):
		return Request{}, invalidName("%.80q is no repository, expected elements of a-z, 0-9 and single . _ - between them, at most %d bytes", r.Repository, maxName)
	case digestErr != nil:
		return Request{}, digestErr
	case r.Tag != "" && !isTag(r.Tag), r.Kind == KindManifest && r.Tag == "" && r.Digest == "":
		return Request{}, &Error{CodeManifestUnknown, http.StatusNotFound, fmt.Sprintf("%.80q can be no tag", r.Tag)}
	}
	return r, nil
}

// isPathName takes a repository, or a registry and a repository of it.
func isPathName(s string) bool {
	first, rest, ok := strings.Cut(s, "/")
	return isName(s) || ok && isHost(first) && isName(rest)
}

func checkDigest(s string) error {
	if _, err := parseDigest(s); err != nil {
		return &Error{CodeDigestInvalid, http.StatusBadRequest, err.Error()}
	}
	return nil
}

func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

func invalidName(format string, args ...any) *Error {
	return &Error{CodeNameInvalid, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// unknownPath answers for what is not of the pull side.
func unknownPath(path string) *Error {
	if strings.HasPrefix(path, "/v2/_") || strings.Contains(path, "/blobs/uploads") {
		return &Error{CodeUnsupported, http.StatusNotFound, fmt.Sprintf("%.80q is not mirrored", path)}
	}
	return &Error{CodeNameUnknown, http.StatusNotFound,
		fmt.Sprintf("%.80q is no path of a registry, expected /v2/NAME/manifests|blobs|referrers/REFERENCE or /v2/NAME/tags/list", path)}
}
