package rig

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/crypto/bcrypt"
)

// Registry is Debian's docker-registry on loopback: the upstream of registry
// tests. It belongs to the test's goroutine.
type Registry struct {
	Host string // host:port
	URL  string
	Data string // its rootdirectory

	tb     testing.TB
	config string // file
	log    *logBuffer
	from   int // hits that Reset has put aside
	run    *Process
	auth   RegistryAuth
}

// RegistryAuth says who may use a registry. The zero value admits everybody.
type RegistryAuth struct {
	Users  map[string]string // name to password: Basic, by htpasswd
	Tokens *TokenServer      // Bearer; excludes Users
}

// StartRegistry runs an empty registry until the test ends.
func StartRegistry(tb testing.TB, auth RegistryAuth) *Registry {
	tb.Helper()
	return startRegistry(tb, auth, "")
}

// StartRegistryProxy runs one that pulls through from another, and keeps what it gets.
func StartRegistryProxy(tb testing.TB, from *Registry) *Registry {
	tb.Helper()
	return startRegistry(tb, RegistryAuth{}, fmt.Sprintf("proxy: {remoteurl: %q}\n", from.URL))
}

func startRegistry(tb testing.TB, auth RegistryAuth, extra string) *Registry {
	tb.Helper()
	dir := tb.TempDir()
	r := &Registry{Host: FreeAddr(tb), Data: filepath.Join(dir, "data"), tb: tb, config: filepath.Join(dir, "config.yml"), log: new(logBuffer), auth: auth}
	r.URL = "http://" + r.Host
	// The drain is what makes a stopped registry's log complete.
	text := fmt.Sprintf(`version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
http: {addr: %q, secret: test, draintimeout: 20s}
`, r.Data, r.Host) + extra
	switch {
	case auth.Tokens != nil:
		text += auth.Tokens.registryConfig(filepath.Join(dir, "root.pem"))
	case auth.Users != nil:
		text += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %s}}\n", htpasswd(tb, dir, auth.Users))
	}
	if err := os.WriteFile(r.config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	r.Start()
	return r
}

// htpasswd takes the least bcrypt cost: it is asked at each request.
func htpasswd(tb testing.TB, dir string, users map[string]string) (file string) {
	tb.Helper()
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(users)) {
		sum, err := bcrypt.GenerateFromPassword([]byte(users[name]), bcrypt.MinCost)
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s:%s\n", name, sum)
	}
	file = filepath.Join(dir, "htpasswd")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// BlobFile is where it keeps a blob's bytes.
func (r *Registry) BlobFile(digest string) string {
	sum := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(filepath.Dir(r.config), "data/docker/registry/v2/blobs/sha256", sum[:2], sum, "data")
}

// Start runs it, again on its old port and storage where it was stopped.
func (r *Registry) Start() {
	r.tb.Helper()
	cmd := exec.Command("docker-registry", "serve", r.config)
	cmd.Stdout = r.log // the access log alone; all else goes to standard error
	r.run = StartProcess(r.tb, cmd, listens(r.Host))
}

// Stop ends it in good order: it finishes the answers under way.
func (r *Registry) Stop() {
	r.tb.Helper()
	if err := r.run.Stop(); err != nil {
		r.tb.Fatalf("docker-registry ended badly: %v", err)
	}
}

// Reset puts aside what was logged so far.
func (r *Registry) Reset() { r.from += len(r.Hits()) }

// Hits are the requests answered since the last Reset, in order of their ends. A
// registry logs a request when the client has the answer already, so one that
// runs is stopped in good order first, and started again.
func (r *Registry) Hits() []Hit {
	r.tb.Helper()
	if r.run.Running() {
		r.Stop()
		defer r.Start()
	}
	var hits []Hit
	for line := range strings.Lines(r.log.String()) {
		h, ok := parseAccess(line)
		if !ok {
			r.tb.Fatalf("docker-registry logged %q", line)
		}
		hits = append(hits, h)
	}
	return hits[r.from:]
}

// accessLine is the combined log format that web servers share.
var accessLine = regexp.MustCompile(`^\S+ \S+ .* \[[^]]*\] "(\S+) (\S+) HTTP/[\d.]+" (\d+) (\d+) "`)

func parseAccess(line string) (Hit, bool) {
	f := accessLine.FindStringSubmatch(line)
	if f == nil {
		return Hit{}, false
	}
	u, err := url.ParseRequestURI(f[2])
	status, serr := strconv.Atoi(f[3])
	size, berr := strconv.ParseInt(f[4], 10, 64)
	if err != nil || serr != nil || berr != nil {
		return Hit{}, false
	}
	return Hit{Method: f[1], Path: strings.TrimPrefix(u.Path, "/"), Status: status, Bytes: size}, true
}

// Given counts the GETs that brought a manifest or blob, by path below /v2/.
func Given(hits []Hit) map[string]int {
	given := map[string]int{}
	for _, h := range hits {
		object := strings.Contains(h.Path, "/blobs/") || strings.Contains(h.Path, "/manifests/")
		if h.Method == http.MethodGet && h.Status/100 == 2 && object {
			given[strings.TrimPrefix(h.Path, "v2/")]++
		}
	}
	return given
}

// keychain lets the test itself in.
func (r *Registry) keychain() authn.Authenticator {
	for name, password := range r.auth.Users {
		return &authn.Basic{Username: name, Password: password}
	}
	return authn.Anonymous
}

// transport is how the test itself reaches repository. What go-containerregistry
// does by itself fails on loopback: it refuses realms on such addresses.
func (r *Registry) transport(repository string) http.RoundTripper {
	if r.auth.Tokens == nil {
		return http.DefaultTransport
	}
	return bearer(r.auth.Tokens.sign("", "repository:"+repository+":pull,push"))
}

// bearer sends itself as the token.
type bearer string

func (b bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(req)
}
