// Package oci_test has the real clients pull images through the real mirrord:
//
//	dockerd, containerd, podman, skopeo, crane ──> tap ──> mirrord ──> docker-registry
//
// and looks at what they hold in the end, at what they asked mirrord for (the tap
// notes it), and at what docker-registry was asked for.
package oci_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// enginesRun tells whether the clients can be run as these tests do. Where they
// cannot, it says so in the form that scripts/testsummary counts.
func enginesRun(t *testing.T) bool {
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return true
	}
	fmt.Printf("DIDNOTRUN: %s: container engines need root on Linux\n", t.Name())
	return false
}

// registryRuns is the same for docker-registry alone, which needs no root.
func registryRuns(t *testing.T) bool {
	if runtime.GOOS == "linux" {
		return true
	}
	fmt.Printf("DIDNOTRUN: %s: docker-registry is Debian's\n", t.Name())
	return false
}

// native is the platform that every client asks for by itself.
const native = "linux/" + runtime.GOARCH

// tap stands between clients and mirrord.
type tap struct {
	addr string // host:port

	mu    sync.Mutex
	calls []call // guarded by mu
}

// call is a request as it was answered.
type call struct {
	method, uri string
	status      int
}

func newTap(t *testing.T, to string) *tap {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := new(tap)
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // what mirrord tells clients of itself leads here again
		},
		ModifyResponse: func(resp *http.Response) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.calls = append(p.calls, call{resp.Request.Method, resp.Request.URL.RequestURI(), resp.StatusCode})
			return nil
		},
	}
	srv := httptest.NewServer(proxy)
	t.Cleanup(srv.Close)
	p.addr = srv.Listener.Addr().String()
	return p
}

// take gives the calls since the last take.
func (p *tap) take() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// gave tells which digests and tags the calls brought, each once.
func gave(calls []call) []string {
	var got []string
	for _, c := range calls {
		path, _, _ := strings.Cut(c.uri, "?")
		if c.method == http.MethodGet && c.status/100 == 2 && (strings.Contains(path, "/blobs/") || strings.Contains(path, "/manifests/")) {
			got = append(got, path[strings.LastIndex(path, "/")+1:])
		}
	}
	slices.Sort(got)
	return slices.Compact(got)
}
