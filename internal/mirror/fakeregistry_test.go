package mirror

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// image is a repository of a fakeRegistry.
type image struct {
	users map[string]string // user to password; nil = everybody may read
	tags  map[string]digest.Digest
	blobs map[digest.Digest]string // manifests too
	kinds map[digest.Digest]string // of the manifests
	lists map[string]string        // other paths below the repository, "tags/list?n=1"
}

func newImage() *image {
	return &image{
		tags: map[string]digest.Digest{}, blobs: map[digest.Digest]string{},
		kinds: map[digest.Digest]string{}, lists: map[string]string{},
	}
}

// add puts a blob in.
func (im *image) add(data string) digest.Digest {
	d := digest.Of([]byte(data))
	im.blobs[d] = data
	return d
}

// push puts a manifest with these layers in, and has tag lead to it.
func (im *image) push(tag string, layers ...string) digest.Digest {
	descriptor := func(data string) string {
		return fmt.Sprintf(`{"mediaType":"application/octet-stream","digest":%q,"size":%d}`, im.add(data), len(data))
	}
	var list []string
	for _, l := range layers {
		list = append(list, descriptor(l))
	}
	d := im.add(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`,
		oci.TypeManifest, descriptor(`{"tag":"`+tag+`"}`), strings.Join(list, ",")))
	im.tags[tag], im.kinds[d] = d, oci.TypeManifest
	return d
}

// fakeRegistry answers as a registry does, and writes down what it was asked.
type fakeRegistry struct {
	*httptest.Server
	mu     sync.Mutex
	images map[string]*image // guarded by mu
	log    []string          // "GET alpine/manifests/3 200"; guarded by mu
	fail   int               // the status of every answer, 0 for the right one; guarded by mu
	slow   chan struct{}     // blobs wait for it after their first half; guarded by mu
	wrong  string            // sent for every body; guarded by mu
}

func newFakeRegistry(t *testing.T) *fakeRegistry {
	f := &fakeRegistry{images: map[string]*image{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeRegistry) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeRegistry) image(name string) *image {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.images[name] == nil {
		f.images[name] = newImage()
	}
	return f.images[name]
}

// asked is what was asked since the last call, sorted.
func (f *fakeRegistry) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.log
	f.log = nil
	slices.Sort(out)
	return out
}

func (f *fakeRegistry) serve(w http.ResponseWriter, r *http.Request) {
	status := f.answer(w, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.TrimPrefix(r.URL.RequestURI(), "/v2/")
	if i := strings.Index(path, "sha256:"); i >= 0 && len(path) > i+11 {
		path = path[:i+11] // enough to tell them apart
	}
	line := fmt.Sprintf("%s %s %d", r.Method, path, status)
	if asked := r.Header.Get("Range"); asked != "" {
		line += " " + asked
	}
	f.log = append(f.log, line)
}

func (f *fakeRegistry) answer(w http.ResponseWriter, r *http.Request) int {
	refuse := func(status int) int {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="fake"`)
		}
		w.WriteHeader(status)
		return status
	}
	f.mu.Lock()
	fail, wrong, slow := f.fail, f.wrong, f.slow
	var im *image
	var name, rest string
	for n, candidate := range f.images {
		if p, ok := strings.CutPrefix(r.URL.Path, "/v2/"+n+"/"); ok {
			im, name, rest = candidate, n, p
		}
	}
	f.mu.Unlock()
	switch {
	case fail != 0:
		return refuse(fail)
	case im == nil:
		return refuse(http.StatusNotFound)
	}
	user, password, _ := r.BasicAuth()
	if im.users != nil && (user == "" || im.users[user] != password) {
		return refuse(http.StatusUnauthorized)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.RawQuery != "" {
		rest += "?" + r.URL.RawQuery
	}
	if list, ok := im.lists[rest]; ok {
		if n := len(im.lists); n > 1 {
			w.Header().Set("Link", fmt.Sprintf("</v2/%s/tags/list?last=b&n=2>; rel=\"next\"", name))
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, list)
		return http.StatusOK
	}
	kind, ref, _ := strings.Cut(rest, "/")
	d, err := digest.Parse(ref)
	if err != nil {
		d = im.tags[ref]
	}
	data, ok := im.blobs[d]
	mediaType := im.kinds[d]
	if !ok || kind != "blobs" && kind != "manifests" || kind == "manifests" && mediaType == "" {
		return refuse(http.StatusNotFound)
	}
	if kind == "blobs" {
		mediaType = "application/octet-stream"
	}
	if wrong != "" {
		data = wrong
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Docker-Content-Digest", string(d))
	if slow != nil && kind == "blobs" && r.Method == http.MethodGet {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		io.WriteString(w, data[:len(data)/2])
		w.(http.Flusher).Flush()
		f.mu.Unlock()
		<-slow
		f.mu.Lock()
		io.WriteString(w, data[len(data)/2:])
		return http.StatusOK
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(data))
	if r.Header.Get("Range") != "" {
		return http.StatusPartialContent
	}
	return http.StatusOK
}

// hub is a mirror with the registries "docker.io" (the default) and "other".
type hub struct {
	*house
	main, other *fakeRegistry
	beside      *fakeRegistry // a second mirror of docker.io, nil = none
	connections int
	gone        Gone
	shared      func(string) bool
	aliases     oci.Aliases
	log         *slog.Logger
}

func newHub(t *testing.T, change func(*hub)) *hub {
	h := &hub{house: &house{t: t, dir: t.TempDir()}, main: newFakeRegistry(t), other: newFakeRegistry(t), gone: GoneDeny}
	if change != nil {
		change(h)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *hub) start() {
	h.t.Helper()
	h.openStore()
	tr := upstream.NewTransport(upstream.Options{Now: h.now})
	h.t.Cleanup(tr.Close)
	var registries []RegistryConfig
	for name, f := range map[string]*fakeRegistry{"docker.io": h.main, "other": h.other} {
		base, _ := url.Parse(f.URL + "/v2")
		if name == "docker.io" && h.shared != nil {
			base.User = url.UserPassword("operator", "own")
		}
		mirrors := []*url.URL{base}
		if name == "docker.io" && h.beside != nil {
			second, _ := url.Parse(h.beside.URL + "/v2")
			mirrors = append(mirrors, second)
		}
		group := upstream.NewGroup(upstream.Config{Name: name, Mirrors: mirrors, Connections: h.connections}, tr)
		registries = append(registries, RegistryConfig{Name: name, Upstream: group, Fresh: time.Minute, Gone: h.gone, Shared: h.shared})
	}
	var err error
	h.m, err = New(Options{
		Store: h.store, Now: h.now, Log: h.log, Registries: registries, Default: "docker.io", Library: []string{"docker.io"}, Aliases: h.aliases,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// pull asks for a path below /v2/ as login; "HEAD " in front asks for no bytes.
func (h *hub) pull(login upstream.Login, what string) (*Answer, error) {
	h.t.Helper()
	path, head := strings.CutPrefix(what, "HEAD ")
	path, query, _ := strings.Cut(path, "?")
	req, err := oci.ParseRequest("GET", "/v2/"+path, query)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.m.Pull(h.t.Context(), Pull{Request: req, Head: head, Login: login})
}

// gets fails the test where path is not want.
func (h *hub) gets(login upstream.Login, path, want string) *Answer {
	h.t.Helper()
	a, err := h.pull(login, path)
	if err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	defer a.Close()
	got, err := io.ReadAll(a)
	if err != nil || string(got) != want {
		h.t.Fatalf("%s: %.80q, %v; expected %.80q", path, got, err, want)
	}
	return a
}

// refuses fails the test where the client gets anything but upstream's refusal.
func (h *hub) refuses(login upstream.Login, path string) {
	h.t.Helper()
	a, err := h.pull(login, path)
	if err == nil {
		a.Close()
		h.t.Errorf("%v got %s (%s)", login.Username, path, a.CacheStatus())
	} else if !refused(err) {
		h.t.Errorf("%v, %s: %v, expected a refusal", login.Username, path, err)
	}
}

func (h *hub) wantsAsked(f *fakeRegistry, want ...string) {
	h.t.Helper()
	slices.Sort(want)
	if got := f.asked(); !slices.Equal(got, want) {
		h.t.Errorf("upstream was asked\n%q, expected\n%q", got, want)
	}
}

// short is a digest as the log has it.
func short(d digest.Digest) string { return string(d[:11]) }

var nobody = upstream.Login{}

func sha(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
