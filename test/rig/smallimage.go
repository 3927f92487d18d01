package rig

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// SmallImage makes the manifest of an image of one platform, in OCI's form, and its
// blobs: the config, then a layer of each size. No other seed gives the like.
func SmallImage(seed uint64, sizes ...int) (manifest []byte, blobs [][]byte) {
	blobs = [][]byte{fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","seed":%d}`, seed)}
	var layers []string
	for i, n := range sizes {
		b := Content(seed<<8+uint64(i), n)
		blobs = append(blobs, b)
		layers = append(layers, descriptor(ociTypes.layer, b))
	}
	manifest = fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`,
		ociTypes.manifest, descriptor(ociTypes.config, blobs[0]), strings.Join(layers, ","))
	return manifest, blobs
}

func descriptor(mediaType types.MediaType, data []byte) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":"sha256:%x","size":%d}`, mediaType, sha256.Sum256(data), len(data))
}
