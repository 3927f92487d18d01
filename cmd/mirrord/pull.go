package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	slashpath "path"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"mirrord/internal/repo/oci"
)

// image is a reference as a client of one mirrord pulls it.
type image struct {
	repo name.Repository
	ref  name.Reference
	pull *remote.Puller
	way  *way
}

// newImage makes ready to pull ref; nothing is asked yet. Credentials are those that
// docker login stored for the mirrord, as docker itself would send them.
func newImage(to registries, ref oci.Reference) (*image, error) {
	var scheme []name.Option
	if to.server.Plain() {
		scheme = append(scheme, name.Insecure)
	}
	registry, err := name.NewRegistry(to.server.Host(), scheme...)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(to.server.URL)
	if err != nil {
		return nil, err
	}
	w := &way{server: base, registry: ref.Registry, next: http.DefaultTransport.(*http.Transport).Clone(), statuses: map[string]string{}}
	puller, err := remote.NewPuller(remote.WithTransport(w), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("mirrord/"+cmp.Or(version, "devel")),
		// The puller's second tries wait without hearing the context, and the mirrord
		// has tried again where that helps.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes())
	if err != nil {
		return nil, err
	}
	im := &image{repo: registry.Repo(ref.Repository), pull: puller, way: w}
	im.ref = im.repo.Tag(cmp.Or(ref.Tag, "latest"))
	if ref.Digest != "" {
		im.ref = im.repo.Digest(string(ref.Digest))
	}
	return im, nil
}

// way is how requests reach a mirrord: under the registry's name, with the scheme
// of the server, and to no other host.
type way struct {
	server   *url.URL
	registry string
	next     *http.Transport

	mu       sync.Mutex
	statuses map[string]string // by tag or digest: the Cache-Status that came with it; guarded by mu
}

// RoundTrip puts the registry in front of the repository. What asks for other hosts
// is a redirect, or a realm, that no mirrord sends.
func (w *way) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != w.server.Host {
		return nil, fmt.Errorf("the answer leads to %s, expected all from %s", req.URL.Host, w.server.Host)
	}
	out := req.Clone(req.Context())
	out.URL.Scheme = w.server.Scheme
	path, api := strings.CutPrefix(req.URL.Path, "/v2/")
	if api && strings.Contains(path, "/") {
		out.URL.Path, out.URL.RawPath = "/v2/"+w.registry+"/"+path, ""
	}
	resp, err := w.next.RoundTrip(out)
	if err == nil {
		w.mu.Lock()
		w.statuses[slashpath.Base(path)] = strings.Join(resp.Header.Values("Cache-Status"), ", ")
		w.mu.Unlock()
	}
	return resp, err
}

// status is the Cache-Status with which the tag or digest came last.
func (w *way) status(identifier string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.statuses[identifier]
}

// hit reads a Cache-Status field (RFC 9211): its last member is by the server that
// was asked, the others by those behind it.
func hit(status string) bool {
	members := strings.Split(status, ",")
	params := strings.Split(members[len(members)-1], ";")
	return slices.ContainsFunc(params[1:], func(p string) bool { return strings.TrimSpace(p) == "hit" })
}

// unreachable keeps, of what went wrong on the way to a server, only what the system
// says: the puller tries two schemes and tells of both.
func unreachable(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return network
	}
	return err
}

func (w *way) close() { w.next.CloseIdleConnections() }
