package apt

import (
	"path"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// ByHash is the path by which archives that say Acquire-By-Hash also keep an
// index. It stays there when the next version takes the index's own path.
func (Adapter) ByHash(ref repo.Ref) string {
	name := "SHA256"
	if ref.Digest.Algorithm() == digest.SHA512 {
		name = "SHA512"
	}
	return path.Join(dirOf(ref.Path), "by-hash", name, ref.Digest.Hex())
}

// rebuilds is what the index of PDiff patches at name stands for.
func rebuilds(name string) string {
	stem, ok := strings.CutSuffix(name, ".diff/Index")
	if !ok {
		return ""
	}
	return stem
}
