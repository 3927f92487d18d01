package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"mirrord/internal/cache"
	"mirrord/internal/repo/oci"
)

// listMost bounds a page of tags; a hundred thousand of them fit.
const listMost = 8 << 20

// openTags serves a page of a repository's tags.
func (w wish) openTags(ctx context.Context) (*Answer, error) {
	path := "tags/list?" + w.Query
	a, err := w.openNamed(ctx, path, w.entry("/"+path), func(seen cache.Entry) cache.Source {
		return &document{
			w: w, path: "tags/list", query: w.Query, seen: seen,
			accept: "application/json", most: listMost, check: w.checkTags,
		}
	})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	list, err := readWhole(a, listMost)
	if err != nil {
		return nil, err
	}
	page, next, err := oci.PageTags(list, w.Query)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	meta := cache.Meta{ContentType: "application/json", Link: a.Link}
	if next != "" {
		meta.Link = "<?" + next + `>; rel="next"`
	}
	return a.instead(page, meta), nil
}

func (w wish) checkTags(data []byte, _ string) (string, error) {
	_, _, err := oci.PageTags(data, w.Query)
	return "application/json", err
}

// instead is an answer with other bytes that came as a's did.
func (a *Answer) instead(body []byte, meta cache.Meta) *Answer {
	return &Answer{
		Content: &cache.Content{
			ReadSeeker: bytes.NewReader(body), Size: int64(len(body)), How: a.How, Stored: a.Stored, Meta: meta,
		},
		Stale: a.Stale, Validated: a.Validated,
	}
}

// openReferrers serves what refers to a manifest: from upstream's API, else from
// the tag that stands in for it.
func (w wish) openReferrers(ctx context.Context) (*Answer, error) {
	path := "referrers/" + string(w.digest)
	page := path + "?" + w.Query
	a, err := w.openNamed(ctx, page, w.entry("/"+page), func(seen cache.Entry) cache.Source {
		return &document{
			w: w, path: path, query: w.Query, seen: seen,
			accept: oci.TypeIndex, most: oci.ManifestMost, check: checkIndex,
		}
	})
	if absent(err) {
		byTag := w
		byTag.tag, byTag.digest = oci.ReferrersTag(w.digest), ""
		a, err = byTag.openTag(ctx)
	}
	if err != nil {
		return nil, err
	}
	defer a.Close()
	list, err := readWhole(a, oci.ManifestMost)
	if err != nil {
		return nil, err
	}
	return w.referrers(a, list)
}

// referrers is a with what the client wants of list.
func (p Pull) referrers(a *Answer, list []byte) (*Answer, error) {
	list, filtered, err := oci.Referrers(list, p.ArtifactType)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	answer := a.instead(list, cache.Meta{ContentType: oci.TypeIndex, Link: a.Link})
	answer.Filtered = filtered
	return answer, nil
}

func checkIndex(data []byte, contentType string) (string, error) {
	m, err := oci.ParseManifest(data, contentType)
	if err == nil && !m.Index {
		err = errors.New("not an index")
	}
	return m.MediaType, err
}
