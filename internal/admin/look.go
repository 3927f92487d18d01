package admin

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

//go:embed openapi.yaml
var document []byte

func (a *api) document(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	_, err := w.Write(document)
	return err
}

// status is the answer of GET status.
type status struct {
	Version string             `json:"version"`
	Started time.Time          `json:"started"`
	Offline bool               `json:"offline"`
	Store   store              `json:"store"`
	Scrub   *mirror.ScrubState `json:"scrub,omitempty"` // absent where nothing is scrubbed
	Repos   []mirror.RepoState `json:"repos"`
}

// store is the store's part of it. Sizes are in bytes, 0 for no bound.
type store struct {
	Objects  int64 `json:"objects"`
	Bytes    int64 `json:"bytes"`
	Reserved int64 `json:"reserved_bytes"` // set aside for downloads and what is left of them
	MaxSize  int64 `json:"max_bytes"`
	MinFree  int64 `json:"min_free_bytes"`
	Flights  int   `json:"flights"` // downloads under way
}

func (a *api) status(w http.ResponseWriter, _ *http.Request) error {
	s := a.Stats()
	return answer(w, status{
		Version: a.Version, Started: a.started.UTC().Truncate(time.Second), Offline: a.Offline, Repos: a.Mirror.Repos(), Scrub: a.Mirror.Scrubbed(),
		Store: store{Objects: s.Objects, Bytes: s.Bytes, Reserved: s.Reserved, MaxSize: a.MaxSize, MinFree: a.MinFree, Flights: s.Flights},
	})
}

var errQuery = errors.New("bad query")

// query reads the URL's parameters: those named, each at most once.
func query(r *http.Request, names ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errQuery, err)
	}
	known := make(map[string]bool)
	for _, n := range names {
		known[n] = true
	}
	for name, all := range values {
		if !known[name] || len(all) > 1 {
			return nil, fmt.Errorf("%w: %q, expected each of %q at most once", errQuery, name, names)
		}
	}
	return values, nil
}

// objectsDefault is how many objects a page has where the client does not say.
const objectsDefault = 100

// page is the answer of GET objects.
type page struct {
	Objects []mirror.Object `json:"objects"`
	// Next is the "after" of the next page, absent at the end.
	Next string `json:"next,omitempty"`
}

func (a *api) objects(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r, "repo", "path", "prefix", "glob", "digest", "tag", "after", "limit")
	if err != nil {
		return err
	}
	limit := objectsDefault
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > mirror.ObjectsMost {
			return fmt.Errorf("%w: limit %.20q, expected 1 to %d", errQuery, text, mirror.ObjectsMost)
		}
	}
	s := mirror.Selector{
		Repo: q.Get("repo"), Path: q.Get("path"), Prefix: q.Get("prefix"), Glob: q.Get("glob"), Digest: digest.Digest(q.Get("digest")), Tag: q.Get("tag"),
	}
	list, next, err := a.Mirror.Objects(r.Context(), s, q.Get("after"), limit)
	if err != nil {
		return err
	}
	if list == nil {
		list = []mirror.Object{}
	}
	return answer(w, page{list, next})
}

func (a *api) explain(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r, "repo", "path")
	if err != nil {
		return err
	}
	e, err := a.Mirror.Explain(r.Context(), q.Get("repo"), q.Get("path"))
	if err != nil {
		return err
	}
	return answer(w, e)
}
