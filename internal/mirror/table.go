package mirror

import (
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// table is one index of one generation.
type table struct {
	ref  repo.Ref
	base string
	gen  digest.Digest
	head bool // gen is the current one
	hash bool // its upstream has by-hash
}

func (t table) name(repo string) string {
	return "table\x00" + repo + "\x00" + t.base + "\x00" + string(t.ref.Digest)
}

// covers reports an index that may vouch for path.
func (t table) covers(path string) bool {
	return t.base == "" || strings.HasPrefix(path, t.base+"/")
}

// same reports the same index of the same generation: one used in itself and
// in another's place.
func (t table) same(other table) bool {
	return t.gen == other.gen && t.base == other.base && t.ref.Path == other.ref.Path
}
