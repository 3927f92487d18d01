package rig

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is an image for several platforms, as its registry holds it.
type Image struct {
	Repository string
	Tag        string
	Digest     string // of the index
	Platforms  map[string]*Platform

	index v1.ImageIndex
}

// Platform is one image of an index.
type Platform struct {
	Digest string   // of the manifest
	Config string   // digest, which docker and podman call the image's ID
	Blobs  []string // digests: the config, then the layers
}

// platforms of every Image, by architecture. The binary in them is built for each.
var platforms = []string{"amd64", "arm64"}

// bigLayer is the size of the layer that takes its time.
const bigLayer = 5 << 20

// mediaTypes are the names that a form has for its parts.
type mediaTypes struct{ index, manifest, config, layer types.MediaType }

var (
	ociTypes    = mediaTypes{types.OCIImageIndex, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer}
	dockerTypes = mediaTypes{types.DockerManifestList, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer}
)

// PushImage makes an OCI image from a real binary and puts it into the registry.
// Images of different seeds have the layer with the binary in common.
func (r *Registry) PushImage(repository, tag string, seed uint64) *Image {
	r.tb.Helper()
	return r.pushImage(repository, tag, seed, ociTypes)
}

// PushDockerImage is PushImage in the form of Docker v2 schema 2.
func (r *Registry) PushDockerImage(repository, tag string, seed uint64) *Image {
	r.tb.Helper()
	return r.pushImage(repository, tag, seed, dockerTypes)
}

func (r *Registry) pushImage(repository, tag string, seed uint64, form mediaTypes) *Image {
	r.tb.Helper()
	im := &Image{Repository: repository, Tag: tag, Platforms: map[string]*Platform{}}
	im.index = mutate.IndexMediaType(empty.Index, form.index)
	for i, arch := range platforms {
		image := newImage(r.tb, arch, seed<<8+uint64(i), form)
		im.Platforms["linux/"+arch] = newPlatform(r.tb, image)
		im.index = mutate.AppendManifests(im.index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	digest, err := im.index.Digest()
	if err != nil {
		r.tb.Fatal(err)
	}
	im.Digest = digest.String()
	if err := remote.WriteIndex(r.ref(repository, tag), im.index, r.options(repository)...); err != nil {
		r.tb.Fatal(err)
	}
	return im
}

// PushBlobs makes an image of one platform with many small layers, and gives
// their bytes by digest.
func (r *Registry) PushBlobs(repository, tag string, layers [][]byte) map[string][]byte {
	r.tb.Helper()
	image, data := mutate.MediaType(empty.Image, ociTypes.manifest), map[string][]byte{}
	image = mutate.ConfigMediaType(image, ociTypes.config)
	var all []v1.Layer
	for _, b := range layers {
		all = append(all, static.NewLayer(b, ociTypes.layer))
		data[fmt.Sprintf("sha256:%x", sha256.Sum256(b))] = b
	}
	image, err := mutate.AppendLayers(image, all...)
	if err != nil {
		r.tb.Fatal(err)
	}
	options := append(r.options(repository), remote.WithJobs(8))
	if err := remote.Write(r.ref(repository, tag), image, options...); err != nil {
		r.tb.Fatal(err)
	}
	return data
}

// PushArtifact puts an artifact beside an image that has the image's index as its
// subject, and gives its digest. docker-registry has no referrers API, so the
// push maintains the tag that stands for it.
func (r *Registry) PushArtifact(of *Image, artifactType string, content []byte) (digest string) {
	r.tb.Helper()
	artifact := mutate.MediaType(empty.Image, ociTypes.manifest)
	artifact = mutate.ConfigMediaType(artifact, types.MediaType(artifactType))
	artifact, err := mutate.AppendLayers(artifact, static.NewLayer(content, "application/octet-stream"))
	if err != nil {
		r.tb.Fatal(err)
	}
	subject, err := partial.Descriptor(of.index)
	if err != nil {
		r.tb.Fatal(err)
	}
	linked := mutate.Subject(artifact, *subject).(v1.Image)
	sum, err := linked.Digest()
	if err != nil {
		r.tb.Fatal(err)
	}
	ref := r.ref(of.Repository, "x").Context().Digest(sum.String())
	if err := remote.Write(ref, linked, r.options(of.Repository)...); err != nil {
		r.tb.Fatal(err)
	}
	return sum.String()
}

func (r *Registry) ref(repository, tag string) name.Tag {
	r.tb.Helper()
	ref, err := name.NewTag(r.Host+"/"+repository+":"+tag, name.Insecure)
	if err != nil {
		r.tb.Fatal(err)
	}
	return ref
}

func (r *Registry) options(repository string) []remote.Option {
	return []remote.Option{
		remote.WithContext(r.tb.Context()), remote.WithAuth(r.keychain()), remote.WithTransport(r.transport(repository)),
	}
}

// newImage has three layers: a binary that runs, small files, and a big one.
func newImage(tb testing.TB, arch string, seed uint64, form mediaTypes) v1.Image {
	tb.Helper()
	binary, err := os.ReadFile(buildFor(tb, "mirrord/test/rig/hello", arch))
	if err != nil {
		tb.Fatal(err)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Cmd: []string{"/bin/hello"}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	image = mutate.ConfigMediaType(mutate.MediaType(image, form.manifest), form.config)
	for _, files := range []map[string][]byte{
		{"bin/hello": binary},
		{"etc/seed": fmt.Appendf(nil, "%d\n", seed)},
		{"srv/data": Content(seed, bigLayer)},
	} {
		if image, err = mutate.AppendLayers(image, newLayer(tb, files, form.layer)); err != nil {
			tb.Fatal(err)
		}
	}
	return image
}

// newLayer is a compressed tar archive of the files.
func newLayer(tb testing.TB, files map[string][]byte, mediaType types.MediaType) v1.Layer {
	tb.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for path, data := range files {
		err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(data)), ModTime: time.Unix(1e9, 0)})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithMediaType(mediaType), tarball.WithCompressionLevel(1), tarball.WithCompressedCaching)
	if err != nil {
		tb.Fatal(err)
	}
	return layer
}

func newPlatform(tb testing.TB, image v1.Image) *Platform {
	tb.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		tb.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	p := &Platform{Digest: digest.String(), Config: manifest.Config.Digest.String()}
	p.Blobs = []string{p.Config}
	for _, layer := range manifest.Layers {
		p.Blobs = append(p.Blobs, layer.Digest.String())
	}
	return p
}
