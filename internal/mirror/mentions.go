package mirror

import (
	"slices"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"

	lru "github.com/hashicorp/golang-lru/v2"
)

// mentions remembers what the manifests of a registry's repositories name, and how large
// they say it is: where to look first, and what to ask for. It proves nothing, a
// manifest can say what it likes.
type mentions struct {
	sizes *lru.Cache[heldKey, int64]    // -1 where manifests disagree
	read  *lru.Cache[heldKey, struct{}] // manifests that were looked at
}

func newMentions() mentions {
	sizes, _ := lru.New[heldKey, int64](heldKept)
	read, _ := lru.New[heldKey, struct{}](readersKept)
	return mentions{sizes, read}
}

// note remembers what the manifest d of a repository says.
func (n mentions) note(repository string, d digest.Digest, m oci.Manifest) {
	named := slices.Concat(m.Manifests, m.Layers)
	if m.Config != nil {
		named = append(named, *m.Config)
	}
	for _, object := range named {
		key := heldKey{repository, object.Digest}
		if before, ok := n.sizes.Get(key); ok && before != object.Size {
			object.Size = -1
		}
		n.sizes.Add(key, object.Size)
	}
	n.read.Add(heldKey{repository, d}, struct{}{})
}

func (n mentions) has(repository string, d digest.Digest) bool {
	return n.sizes.Contains(heldKey{repository, d})
}

// size is what manifests agree on, -1 unknown.
func (n mentions) size(repository string, d digest.Digest) int64 {
	if size, ok := n.sizes.Get(heldKey{repository, d}); ok {
		return size
	}
	return -1
}

// doubt has the size of an object count for nothing: upstream has it otherwise.
func (n mentions) doubt(repository string, d digest.Digest) {
	n.sizes.Add(heldKey{repository, d}, -1)
}
