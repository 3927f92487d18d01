package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// fakeMirrord answers as a mirrord with docker.io and a registry with a port, and
// notes what it is asked for.
type fakeMirrord struct {
	*httptest.Server

	mu     sync.Mutex
	first  answerer        // nil = nobody; guarded by mu
	asked  []string        // "METHOD PATH"; guarded by mu
	cached map[string]bool // paths that were asked for before; guarded by mu
}

// answerer reports whether it has answered itself.
type answerer func(w http.ResponseWriter, r *http.Request) bool

// before has requests that come from now on go to first, first.
func (f *fakeMirrord) before(first answerer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first = first
}

func newFakeMirrord(t *testing.T) *fakeMirrord {
	t.Helper()
	// The keychain would look at the files of whoever runs the test.
	for _, key := range []string{"HOME", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"} {
		t.Setenv(key, t.TempDir())
	}
	t.Setenv("REGISTRY_AUTH_FILE", "")
	f := &fakeMirrord{cached: map[string]bool{}}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			io.WriteString(w, "mirrord serves these repositories:\n/debian/\n/v2/docker.io/\n/v2/reg.example:5000/\n/v2/../../etc/\ndefault registry: docker.io\n")
			return
		}
		if first := f.note(w, r); first == nil || !first(w, r) {
			images.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeMirrord) note(w http.ResponseWriter, r *http.Request) answerer {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	status := "hub; hit, mirrord; fwd=miss; stored"
	if f.cached[r.URL.Path] {
		status = "mirrord; hit"
	}
	f.cached[r.URL.Path] = true
	w.Header().Set("Cache-Status", status)
	return f.first
}

// forget returns what was asked since the last time, sorted, without the pings.
func (f *fakeMirrord) forget() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := slices.DeleteFunc(f.asked, func(s string) bool { return s == "GET /v2/" })
	f.asked = nil
	slices.Sort(asked)
	return asked
}

// push stores an index of the images under repository:tag.
func (f *fakeMirrord) push(t *testing.T, reference string, images map[string]v1.Image) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for platform, image := range images {
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p}})
	}
	ref, err := name.ParseReference(strings.TrimPrefix(f.URL, "http://") + "/" + reference)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = nil
	clear(f.cached)
	return index
}

func randomImage(t *testing.T, layers int64) v1.Image {
	t.Helper()
	image, err := random.Image(2000, layers)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// blobsOf are the digests of an image's config and layers.
func blobsOf(t *testing.T, image v1.Image) (config string, layers []string) {
	t.Helper()
	m, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		layers = append(layers, l.Digest.String())
	}
	return m.Config.Digest.String(), layers
}

func digestOf(t *testing.T, of interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := of.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// mirrord runs the program.
func mirrord(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, nil, &out, &errs)
	return code, out.String(), errs.String()
}
