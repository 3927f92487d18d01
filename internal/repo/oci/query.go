package oci

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The longest query taken, in bytes. A page's part of it is some registries' opaque
// token of about 1 KB.
const (
	maxQuery = 4096
	maxPage  = 2048
)

// The keys that mirrord reads itself. Each may stand once.
const (
	keyNamespace    = "ns"
	keyArtifactType = "artifactType"
	keyCount        = "n"
	keyLast         = "last"
)

// readQuery fills in what the query says; on an error r is to be dropped.
func (r *Request) readQuery(raw string) error {
	if raw == "" {
		return nil
	}
	values, err := parseQuery(raw)
	if err != nil {
		return err
	}
	r.Namespace = values.Get(keyNamespace)
	if r.Namespace != "" && !isHost(r.Namespace) {
		return invalidName("ns=%.80q is no registry, expected HOST or HOST:PORT", r.Namespace)
	}
	if r.Kind != KindTags && r.Kind != KindReferrers {
		return nil
	}
	if r.Kind == KindReferrers {
		r.ArtifactType = values.Get(keyArtifactType)
	}
	r.Query, err = pageQuery(values)
	return err
}

func parseQuery(raw string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, badQuery("a query of more than %d bytes", maxQuery)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badQuery("%.80q is no query", raw)
	}
	for _, key := range []string{keyNamespace, keyArtifactType, keyCount, keyLast} {
		if len(values[key]) > 1 {
			return nil, badQuery("%s= stands twice", key)
		}
	}
	return values, nil
}

// pageQuery writes down what a page of a list needs, always in the same way. Keys
// that the specification does not know are some registry's own for its next page.
func pageQuery(values url.Values) (string, error) {
	var page strings.Builder
	add := func(key, value string) {
		if page.Len() > 0 {
			page.WriteByte('&')
		}
		page.WriteString(url.QueryEscape(key) + "=" + url.QueryEscape(value))
	}
	if values.Has(keyCount) {
		n, err := strconv.ParseUint(values.Get(keyCount), 10, 31)
		if err != nil {
			return "", &Error{CodePaginationNumberInvalid, http.StatusBadRequest, fmt.Sprintf("n=%.80q is no number of entries", values.Get(keyCount))}
		}
		add(keyCount, strconv.FormatUint(n, 10))
	}
	if values.Get(keyLast) != "" {
		add(keyLast, values.Get(keyLast))
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch key {
		case keyNamespace, keyArtifactType, keyCount, keyLast:
			continue
		}
		for _, value := range values[key] {
			add(key, value)
		}
	}
	if page.Len() > maxPage {
		return "", badQuery("a query of more than %d bytes", maxPage)
	}
	return page.String(), nil
}

func badQuery(format string, args ...any) *Error {
	return &Error{CodeUnsupported, http.StatusBadRequest, fmt.Sprintf(format, args...)}
}
