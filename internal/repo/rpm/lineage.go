package rpm

import (
	"path"
	"strings"

	"mirrord/internal/repo"
)

// Lineage of a package is its name and architecture, NAME-VERSION-RELEASE.ARCH.rpm in
// one directory; that of metadata its path without the checksum.
func (a Adapter) Lineage(name string) repo.Lineage {
	plan, err := a.Plan(name)
	if err != nil {
		return repo.Lineage{}
	}
	switch plan.Class {
	case repo.Index:
		return repo.Lineage{Prefix: path.Dir(name) + "/", Key: plan.Role}
	case repo.Leaf:
		stem, ok := strings.CutSuffix(path.Base(name), ".rpm")
		arch := strings.LastIndexByte(stem, '.')
		if !ok || arch < 0 {
			return repo.Lineage{}
		}
		release := strings.LastIndexByte(stem[:arch], '-')
		if release < 0 {
			return repo.Lineage{}
		}
		if version := strings.LastIndexByte(stem[:release], '-'); version > 0 {
			return repo.NewLineage(strings.TrimPrefix(path.Dir(name), "."), stem[:version], stem[arch:])
		}
	}
	return repo.Lineage{}
}
