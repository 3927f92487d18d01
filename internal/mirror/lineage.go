package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mirrord/internal/repo"
)

const (
	// forebearsMost bounds one answer of Forebears.
	forebearsMost = 4
	// lineageNames bounds the names that are looked at for it.
	lineageNames = 2 * ObjectsMost
)

// Forebears lists stored objects that are likely other versions of what ref names, the
// likeliest first, at most four. In a repository these are the files of its lineage, by
// when they were used; in a registry, where a layer has no name, those of the same
// image repository that are about as large. What ref.Digest names is not among them.
func (m *Mirror) Forebears(ctx context.Context, repoName string, ref repo.Ref) ([]Object, error) {
	if _, ok := m.registries[repoName]; ok {
		return m.likeLayers(ctx, repoName, ref)
	}
	r, ok := m.repos[repoName]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownRepo, repoName)
	}
	line := r.Adapter.Lineage(ref.Path)
	if line == (repo.Lineage{}) {
		return nil, nil
	}
	all, err := m.forebears(ctx, Selector{Repo: repoName, Prefix: line.Prefix}, func(o Object) bool {
		return o.Digest != ref.Digest && r.Adapter.Lineage(o.Path) == line
	})
	slices.SortStableFunc(all, func(a, b Object) int { return cmp.Or(b.Accessed.Compare(a.Accessed), cmp.Compare(b.Path, a.Path)) })
	return all[:min(len(all), forebearsMost)], err
}

// likeLayers are the blobs of the image repository at most twice as large as ref's and
// no less than half.
func (m *Mirror) likeLayers(ctx context.Context, registryName string, ref repo.Ref) ([]Object, error) {
	repository, _, ok := strings.Cut(ref.Path, "@")
	if !ok {
		return nil, nil
	}
	all, err := m.forebears(ctx, Selector{Repo: registryName, Prefix: repository + "@"}, func(o Object) bool {
		return o.Digest != ref.Digest && ref.Size/2 <= o.Size && o.Size <= 2*ref.Size
	})
	apart := func(o Object) int64 { return max(o.Size-ref.Size, ref.Size-o.Size) }
	slices.SortStableFunc(all, func(a, b Object) int { return cmp.Or(cmp.Compare(apart(a), apart(b)), cmp.Compare(a.Path, b.Path)) })
	return all[:min(len(all), forebearsMost)], err
}

// forebears are the objects of a selection that fit, each once.
func (m *Mirror) forebears(ctx context.Context, s Selector, fit func(Object) bool) (all []Object, err error) {
	looked := 0
	for after, on := "", true; on && looked < lineageNames; {
		page, next, err := m.Objects(ctx, s, after, ObjectsMost)
		if err != nil {
			return nil, err
		}
		for _, o := range page {
			same := func(have Object) bool { return have.Digest == o.Digest }
			if fit(o) && !slices.ContainsFunc(all, same) {
				all = append(all, o)
			}
		}
		looked += len(page)
		after, on = next, next != ""
	}
	return all, nil
}
