package mirror

import (
	"cmp"
	"slices"

	"mirrord/internal/upstream"
)

// Upstream is what is known of one repository's mirrors.
type Upstream struct {
	Repo    string
	Mirrors []upstream.MirrorStatus
}

// Upstreams tells of every repository, in the order of their names.
func (m *Mirror) Upstreams() []Upstream {
	var all []Upstream
	for name, r := range m.repos {
		all = append(all, Upstream{name, r.Upstream.Status()})
	}
	for name, r := range m.registries {
		all = append(all, Upstream{name, r.Upstream.Status()})
	}
	slices.SortFunc(all, func(a, b Upstream) int { return cmp.Compare(a.Repo, b.Repo) })
	return all
}
