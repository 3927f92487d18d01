package apt

import (
	"path"
	"strings"

	"mirrord/internal/repo"
)

// Lineage of a package is its name and architecture, NAME_VERSION_ARCH.deb in one
// directory of the pool; that of an index its path.
func (Adapter) Lineage(name string) repo.Lineage {
	p := newPlace(name)
	switch p.class() {
	case repo.Index:
		return repo.Lineage{Prefix: name, Key: name}
	case repo.Leaf:
		ext := path.Ext(p.file)
		parts := strings.Split(strings.TrimSuffix(p.file, ext), "_")
		if len(parts) == 3 && (ext == ".deb" || ext == ".udeb") {
			return repo.NewLineage(p.dir, parts[0], parts[2]+ext)
		}
	}
	return repo.Lineage{}
}
