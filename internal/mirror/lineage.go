package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

const (
	// forebearsMost bounds one answer of Forebears.
	forebearsMost = 4
	// lineageNames bounds the names that are looked at for it.
	lineageNames = 2 * ObjectsMost
)

// Forebears lists stored objects that are other versions of the artifact at path, the
// one of the most recently used first, at most four. What d names is not among them. A registry has
// none.
func (m *Mirror) Forebears(ctx context.Context, repoName, path string, d digest.Digest) ([]Object, error) {
	r, ok := m.repos[repoName]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownRepo, repoName)
	}
	line := r.Adapter.Lineage(path)
	if line == (repo.Lineage{}) {
		return nil, nil
	}
	var all []Object
	looked := 0
	for after, on := "", true; on && looked < lineageNames; {
		page, next, err := m.Objects(ctx, Selector{Repo: repoName, Prefix: line.Prefix}, after, ObjectsMost)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			same := func(have Object) bool { return have.Digest == o.Digest }
			if o.Digest != d && r.Adapter.Lineage(o.Path) == line && !slices.ContainsFunc(all, same) {
				all = append(all, o)
			}
		}
		looked += len(page)
		after, on = next, next != ""
	}
	slices.SortStableFunc(all, func(a, b Object) int { return cmp.Or(b.Accessed.Compare(a.Accessed), cmp.Compare(b.Path, a.Path)) })
	return all[:min(len(all), forebearsMost)], nil
}
