package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/vbauerster/mpb/v8"

	"mirrord/internal/digest"
)

const alpinePath = "/v2/docker.io/library/alpine"

// want are the requests that pulling the images of an index costs.
func want(t *testing.T, path, tag string, images ...v1.Image) []string {
	t.Helper()
	all := []string{"GET " + path + "/manifests/" + tag}
	for _, image := range images {
		all = append(all, "GET "+path+"/manifests/"+digestOf(t, image))
		config, layers := blobsOf(t, image)
		for _, d := range append(layers, config) {
			all = append(all, "GET "+path+"/blobs/"+d)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shareLayer makes an image with the first layer of another and one of its own.
func shareLayer(t *testing.T, other v1.Image) v1.Image {
	t.Helper()
	layers, err := other.Layers()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(randomImage(t, 1), layers[0])
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// TestWarm: of an index only the platform asked for is pulled, each blob once.
func TestWarm(t *testing.T) {
	f := newFakeMirrord(t)
	amd := randomImage(t, 6)
	arm := shareLayer(t, amd)
	index := f.push(t, "docker.io/library/alpine:3", map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm})
	_, layers := blobsOf(t, amd)

	for i, hits := range []int{0, 6} {
		code, out, errs := mirrord(t, "warm", "alpine:3", "--server", f.URL, "--platform", "linux/amd64")
		last := fmt.Sprintf("\nalpine:3: 6 layers, 0.0 MB, digest %s; %d from the cache\n", digestOf(t, index), hits)
		if code != exitDone || errs != "" || !strings.HasSuffix(out, last) {
			t.Errorf("run %d: exit %d\n%s%swant the end %q", i, code, out, errs, last)
		}
		for _, l := range layers {
			if line := "layer " + short(digest.Digest(l)) + " 0.0 MB done\n"; strings.Count(out, line) != 1 {
				t.Errorf("no %q in\n%s", line, out)
			}
		}
		if got := f.forget(); !slices.Equal(got, want(t, alpinePath, "3", amd)) {
			t.Errorf("run %d asked for\n%s", i, strings.Join(got, "\n"))
		}
	}
	if code, out, errs := mirrord(t, "warm", "docker.io/library/alpine:3", "--server", f.URL, "--platform", "all"); code != exitDone {
		t.Errorf("all: exit %d\n%s%s", code, out, errs)
	}
	if got := f.forget(); !slices.Equal(got, want(t, alpinePath, "3", amd, arm)) {
		t.Errorf("all asked for\n%s", strings.Join(got, "\n"))
	}
}

// TestWarmByDigest, of a registry with a port, which no image reference has room for.
func TestWarmByDigest(t *testing.T) {
	f := newFakeMirrord(t)
	image := randomImage(t, 1)
	f.before(func(_ http.ResponseWriter, r *http.Request) bool {
		r.URL.Path = strings.Replace(r.URL.Path, "/v2/reg.example:5000/", "/v2/ported/", 1)
		return false
	})
	index := f.push(t, "ported/team/app:1", map[string]v1.Image{"linux/amd64": image})
	d := digestOf(t, index)
	code, out, errs := mirrord(t, "warm", "reg.example:5000/team/app@"+d, "--server", f.URL, "--platform", "linux/amd64")
	if code != exitDone || !strings.Contains(out, ": 1 layer, ") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if got := f.forget(); !slices.Equal(got, want(t, "/v2/reg.example:5000/team/app", d, image)) {
		t.Errorf("asked for\n%s", strings.Join(got, "\n"))
	}
}

func TestWarmRefuses(t *testing.T) {
	f := newFakeMirrord(t)
	f.push(t, "docker.io/library/alpine:3", map[string]v1.Image{"linux/amd64": randomImage(t, 1), "linux/arm/v6": randomImage(t, 1)})
	for _, tc := range []struct{ image, platform, want string }{
		{"alpine:3", "linux/s390x", "mirrord: alpine:3: no manifest for linux/s390x; it has "},
		{"alpine:3", "linux/arm/v7", "linux/arm/v6"},
		{"alpine:4", "all", "mirrord: alpine:4: manifest 4: GET "},
		{"quay.io/x", "all", "mirrord: quay.io/x: " + f.URL + " does not serve quay.io; it serves docker.io, reg.example:5000\n"},
	} {
		code, out, errs := mirrord(t, "warm", tc.image, "--server", f.URL, "--platform", tc.platform)
		if code != exitFailed || out != "" || !strings.Contains(errs, tc.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit %d\n%s%swant %q", tc.image, code, out, errs, tc.want)
		}
	}
}

// TestWarmBadLayer: bytes that are not what the manifest says fail the command, with
// the image and the layer.
func TestWarmBadLayer(t *testing.T) {
	f := newFakeMirrord(t)
	image := randomImage(t, 3)
	f.push(t, "docker.io/library/alpine:3", map[string]v1.Image{"linux/amd64": image})
	_, layers := blobsOf(t, image)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer elsewhere.Close()
	var asked atomic.Int32
	for name, answer := range map[string]func(w http.ResponseWriter){
		"corrupt": func(w http.ResponseWriter) { w.Write(make([]byte, 100)) },
		"endless": func(w http.ResponseWriter) {
			for range 1000 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
			t.Error("it read a gigabyte")
		},
		"cut": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			w.Write(make([]byte, 50))
			w.(http.Flusher).Flush()
		},
		"unavailable": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"missing":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"redirected":  func(w http.ResponseWriter) { w.Header().Set("Location", elsewhere.URL+"/x"); w.WriteHeader(307) },
	} {
		f.before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, layers[1]) {
				return false
			}
			asked.Add(1)
			answer(w)
			return true
		})
		code, out, errs := mirrord(t, "warm", "alpine:3", "--server", f.URL, "--platform", "linux/amd64")
		if n := asked.Swap(0); n != 1 {
			t.Errorf("%s: asked for %d times", name, n)
		}
		if code != exitFailed || !strings.HasPrefix(errs, "mirrord: alpine:3: layer "+layers[1]+": ") || strings.Count(errs, "\n") != 1 || strings.Contains(out, "from the cache") {
			t.Errorf("%s: exit %d\n%s%s", name, code, out, errs)
		}
	}
}

// TestWarmLogsIn: with what docker login stored for the mirrord, and never with the
// password of the registry behind it.
func TestWarmLogsIn(t *testing.T) {
	f := newFakeMirrord(t)
	f.push(t, "docker.io/library/alpine:3", map[string]v1.Image{"linux/amd64": randomImage(t, 1)})
	host := strings.TrimPrefix(f.URL, "http://")
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}, "https://index.docker.io/v1/": {"auth": %q}, "docker.io": {"auth": %q}}}`,
		host, encode("me:here"), encode("me:hub"), encode("me:hub"))
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	f.before(func(w http.ResponseWriter, r *http.Request) bool {
		user, password, basic := r.BasicAuth()
		switch {
		case r.URL.Path == "/v2/token" && basic && user+":"+password == "me:here":
			io.WriteString(w, `{"token": "sealed"}`)
		case r.Header.Get("Authorization") == "Bearer sealed":
			return false
		case basic:
			t.Errorf("%s has %s:%s", r.URL, user, password)
			fallthrough
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+f.URL+`/v2/token",service="mirrord"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
		return true
	})
	if code, out, errs := mirrord(t, "warm", "alpine:3", "--server", f.URL, "--platform", "all"); code != exitDone {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

// TestWarmStops when its context ends, also amid a layer that does not come.
func TestWarmStops(t *testing.T) {
	f := newFakeMirrord(t)
	f.push(t, "docker.io/library/alpine:3", map[string]v1.Image{"linux/amd64": randomImage(t, 1)})
	ctx, cancel := context.WithCancel(t.Context())
	f.before(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		w.Write([]byte("x"))
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"warm", "alpine:3", "--server", f.URL, "--platform", "all"}, nil, &out, &errs); code != exitFailed {
		t.Errorf("exit %d\n%s%s", code, &out, &errs)
	}
}

// TestBars: whatever becomes of the layers, wait ends.
func TestBars(t *testing.T) {
	var out bytes.Buffer
	b := bars{mpb.New(mpb.WithOutput(&out), mpb.ForceAutoRefresh())}
	whole, empty, failed := b.layer(digest.Of([]byte("whole")), 4), b.layer(digest.Of(nil), 0), b.layer(digest.Of([]byte("failed")), 4)
	whole.Write([]byte("text"))
	whole.end(nil)
	empty.end(nil)
	failed.Write([]byte("t"))
	failed.end(errors.New("cut"))
	b.wait()
	for _, text := range []string{"whole", "", "failed"} {
		if name := short(digest.Of([]byte(text))); !strings.Contains(out.String(), name) {
			t.Errorf("no bar of %q:\n%s", text, out.String())
		}
	}
}

func TestHit(t *testing.T) {
	for status, want := range map[string]bool{
		"mirrord; hit": true, "mirrord;hit;ttl=3": true, "hub; fwd=miss, mirrord; hit": true,
		"": false, "mirrord; fwd=miss; stored": false, "hub; hit, mirrord; fwd=miss": false, "hit": false,
	} {
		if got := hit(status); got != want {
			t.Errorf("%q: %v", status, got)
		}
	}
}

// TestClientAsksForRegistries: they are those of the server's page, less what can be
// no registry's name.
func TestClientAsksForRegistries(t *testing.T) {
	f := newFakeMirrord(t)
	dir := t.TempDir()
	code, out, errs := mirrord(t, "client", "containerd", "--server", f.URL, "--dir", dir, "--apply")
	if code != exitDone || strings.Count(out, ": written\n") != 2 {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	for _, name := range []string{"docker.io", "reg.example:5000"} {
		text, err := os.ReadFile(filepath.Join(dir, name, "hosts.toml"))
		if err != nil || !strings.Contains(string(text), `[host."`+f.URL+`"]`) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}
