package flate

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// skopeo is the deflate stream of a layer that skopeo makes of content.
func skopeo(t *testing.T, content []byte) []byte {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("no skopeo")
	}
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base,
		static.NewLayer(content, types.OCIUncompressedLayer))
	if err != nil {
		t.Fatal(err)
	}
	path, err := layout.Write(from, empty.Index)
	if err == nil {
		err = path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "a"}))
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("skopeo", "--insecure-policy", "copy", "--dest-compress", "oci:"+from+":a", "dir:"+to).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	layers, err := filepath.Glob(filepath.Join(to, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var layer []byte
	for _, file := range layers {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > len(layer) {
			layer = b
		}
	}
	return layer[10 : len(layer)-8]
}

func TestLayersOfSkopeo(t *testing.T) {
	before := sample(3_000_000)
	after, matches := edited(before)
	stream := skopeo(t, after)
	packed := roundTrip(t, stream, oldOf(t, skopeo(t, before)), matches)
	if len(packed) > len(stream)*3/100 {
		t.Errorf("a layer of %d bytes takes %d", len(stream), len(packed))
	}
}
