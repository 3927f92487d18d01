package mirror

import (
	"cmp"
	"strings"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// table is one index of one generation.
type table struct {
	ref  repo.Ref
	base string
	gen  digest.Digest
	date time.Time // of gen; zero where not told
	head bool      // gen is the current one
	hash bool      // its upstream has by-hash
}

func (t table) name(repo string) string {
	return "table\x00" + repo + "\x00" + t.base + "\x00" + string(t.ref.Digest)
}

// covers reports an index that may vouch for path.
func (t table) covers(path string) bool {
	return t.base == "" || strings.HasPrefix(path, t.base+"/")
}

// before puts those of current generations first, and of these the newest: where two
// roots name one file, the older may not know yet that upstream replaced it.
func (t table) before(other table) int {
	if t.head != other.head {
		return map[bool]int{true: -1, false: 1}[t.head]
	}
	return cmp.Or(other.date.Compare(t.date), strings.Compare(t.ref.Path, other.ref.Path))
}

// same reports the same index of the same generation: one used in itself and
// in another's place.
func (t table) same(other table) bool {
	return t.gen == other.gen && t.base == other.base && t.ref.Path == other.ref.Path
}
