package mirror

import (
	"bytes"
	"context"
	"encoding/json"
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
	return w.openNamed(ctx, path, w.entry("/"+path), func(seen cache.Entry) cache.Source {
		return &document{
			w: w, path: "tags/list", query: w.Query, seen: seen,
			accept: "application/json", most: listMost, check: checkTags,
		}
	})
}

var errNoTags = errors.New("not a list of tags")

func checkTags(data []byte, _ string) (string, error) {
	var list struct{ Tags *json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		return "", fmt.Errorf("%w: %w", errNoTags, err)
	}
	var tags []string
	if list.Tags != nil {
		if err := json.Unmarshal(*list.Tags, &tags); err != nil {
			return "", fmt.Errorf("%w: %w", errNoTags, err)
		}
	}
	return "application/json", nil
}

// openReferrers serves what refers to a manifest: from upstream's API, else from
// the tag that stands in for it, else nothing does.
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
	list := oci.EmptyIndex()
	if err == nil {
		defer a.Close()
		list, err = readWhole(a, oci.ManifestMost)
	} else if absent(err) {
		a, err = &Answer{Content: &cache.Content{How: cache.Miss}}, nil
	}
	if err != nil {
		return nil, err
	}
	return w.filtered(a, list)
}

// filtered is a with what the client wants of list.
func (w wish) filtered(a *Answer, list []byte) (*Answer, error) {
	list, filtered, err := oci.Referrers(list, w.ArtifactType)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	return &Answer{
		Content: &cache.Content{
			ReadSeeker: bytes.NewReader(list), Size: int64(len(list)), How: a.How, Stored: a.Stored,
			Meta: cache.Meta{ContentType: oci.TypeIndex, Link: a.Link},
		},
		Stale: a.Stale, Validated: a.Validated, Filtered: filtered,
	}, nil
}

func checkIndex(data []byte, contentType string) (string, error) {
	m, err := oci.ParseManifest(data, contentType)
	if err == nil && !m.Index {
		err = errors.New("not an index")
	}
	return m.MediaType, err
}
