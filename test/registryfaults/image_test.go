package registryfaults

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// image is a small image of one platform, with layers as the test wants them.
type image struct {
	registry   string // as mirrord knows it
	repository string
	manifest   []byte
	blobs      [][]byte // the config, then the layers
}

// blobSize is such that a range at 7/8 of it lies further in than where a reader
// waits for a fetch that began at 0 (512 KiB), and so has a request of its own.
const blobSize = 1<<20 + 4321

// newImage makes an image of which no other seed has the like, with one layer a size.
func newImage(registry, repository string, seed uint64, sizes ...int) *image {
	im := &image{registry: registry, repository: repository}
	im.manifest, im.blobs = rig.SmallImage(seed, sizes...)
	return im
}

func sum(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// layer is the path of the i-th layer below the repository.
func (im *image) layer(i int) string { return "blobs/" + sum(im.blobs[i+1]) }

func (im *image) byDigest() string { return "manifests/" + sum(im.manifest) }

// byTag is the path of the one tag that every image has.
const byTag = "manifests/1"

// path is where upstream has what stands at p below the repository. Each registry
// has a tree of its own on the faulty server.
func (im *image) path(p string) string { return "/v2/" + im.registry + "/" + im.repository + "/" + p }

// publish puts all of the image on upstream.
func (im *image) publish(u *faulty.Server) {
	for _, b := range im.blobs {
		u.Set(im.path("blobs/"+sum(b)), b)
	}
	im.setManifest(u, byTag, im.manifest)
	im.publishManifest(u)
}

// publishManifest puts it there by its digest only.
func (im *image) publishManifest(u *faulty.Server) { im.setManifest(u, im.byDigest(), im.manifest) }

// setManifest puts a manifest at p as a registry has it.
func (im *image) setManifest(u *faulty.Server, p string, data []byte) {
	u.Set(im.path(p), data, faulty.Type(oci.TypeManifest), faulty.Field("Docker-Content-Digest", sum(data)))
}

// withdraw takes the image's blobs away, to free their memory.
func (im *image) withdraw(u *faulty.Server) {
	for _, b := range im.blobs {
		u.Remove(im.path("blobs/" + sum(b)))
	}
}

// url is where mirrord has what stands at p below the repository.
func (im *image) url(m *rig.Mirrord, p string) string {
	return m.URL("v2", im.registry, im.repository, p)
}

// registry is a line of configuration: the registry of that name at all upstreams,
// which are asked for a tag each time.
func registry(name, more string, upstreams ...*faulty.Server) string {
	var urls []string
	for _, u := range upstreams {
		urls = append(urls, fmt.Sprintf("%q", u.URL+"/"+name))
	}
	return fmt.Sprintf("- {name: %s, type: oci, fresh: 0s, upstreams: [%s]%s}\n", name, strings.Join(urls, ", "), more)
}

// hub is the registry that is the default.
func hub(upstreams ...*faulty.Server) string {
	return registry("docker.io", ", default: true", upstreams...)
}

// start runs mirrord with these registries.
func start(t *testing.T, repos string) *rig.Mirrord {
	t.Helper()
	return rig.Start(t, rig.Config{Repos: repos, Extra: timeouts})
}
