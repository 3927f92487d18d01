package oci

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"mirrord/internal/digest"
)

// The directories below which docker-registry keeps what it stores, relative to its
// rootdirectory. Format: registry/storage/paths.go of distribution 2.8 and 3.
const (
	StorageRepositories = "docker/registry/v2/repositories"
	StorageBlobs        = "docker/registry/v2/blobs"
)

// Kept is what one link of docker-registry's storage says: that a repository has a
// blob or a manifest, or what a tag of it leads to.
type Kept struct {
	Repository string
	Kind       Kind          // KindBlob, KindManifest, or KindTags for a tag
	Tag        string        // KindTags
	Digest     digest.Digest // the others
}

// LinkMost is how large a link may be, in bytes: a digest by SHA-512, and a newline.
const LinkMost = 256

// ParseKept reads the path of a link below StorageRepositories. ok is false for all
// other files: uploads, and what a tag led to before.
func ParseKept(p string) (k Kept, ok bool) {
	i := strings.Index(p, "/_")
	if i < 0 || !isName(p[:i]) {
		return k, false
	}
	k.Repository = p[:i]
	parts := strings.Split(p[i+1:], "/")
	switch {
	case len(parts) == 4 && parts[0] == "_layers" && parts[3] == "link":
		k.Kind = KindBlob
		return k, k.take(parts[1], parts[2])
	case len(parts) == 5 && parts[0] == "_manifests" && parts[1] == "revisions" && parts[4] == "link":
		k.Kind = KindManifest
		return k, k.take(parts[2], parts[3])
	case len(parts) == 5 && parts[0] == "_manifests" && parts[1] == "tags" && parts[3] == "current" && parts[4] == "link":
		k.Kind, k.Tag = KindTags, parts[2]
		return k, isTag(k.Tag)
	}
	return k, false
}

func (k *Kept) take(algorithm, sum string) (ok bool) {
	d, err := parseDigest(algorithm + ":" + sum)
	k.Digest = d
	return err == nil
}

// ParseLink reads a link.
func ParseLink(data []byte) (digest.Digest, error) {
	if len(data) > LinkMost {
		return "", fmt.Errorf("more than %d bytes, expected a digest", LinkMost)
	}
	return parseDigest(string(bytes.TrimSpace(data)))
}

// StoredBlob is where docker-registry keeps the bytes of a digest.
func StoredBlob(d digest.Digest) string {
	return path.Join(StorageBlobs, string(d.Algorithm()), d.Hex()[:2], d.Hex(), "data")
}
