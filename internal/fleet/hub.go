package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mirrord/internal/bearer"
	"mirrord/internal/token"

	"github.com/go-chi/chi/v5"
)

// Prefix is where a hub answers edges.
const Prefix = "/fleet/v1"

// Address is where a hub has a repository for its edges; a registry's API begins there.
func Address(hub *url.URL, repo string, registry bool) *url.URL {
	at := *hub
	at.Path = Prefix + "/repos/" + repo
	if registry {
		at.Path += "/v2"
	}
	return &at
}

// Serve serves a path of a repository, escaped, to an edge that is granted it.
type Serve = func(w http.ResponseWriter, r *http.Request, repo, escaped string)

// HubOptions are what a Hub needs.
type HubOptions struct {
	Tokens interface {
		Find(secret string) (token.Token, error)
	}
	Registries map[string]bool // every repository, and whether it is a registry
	PlainHTTP  bool            // edges on other machines are answered over plain HTTP
	Journal    *Journal
	Deltas     *Deltas
}

// Hub answers edges. It is safe for concurrent use.
type Hub struct {
	HubOptions
	settle func(http.ResponseWriter, *http.Request)
	beat   time.Duration
	ending chan struct{} // closed when the streams are to end

	mu      sync.Mutex
	closed  bool           // ending is; guarded by mu
	streams map[string]int // by token; guarded by mu
}

// NewHub makes a Hub.
func NewHub(o HubOptions) *Hub {
	return &Hub{HubOptions: o, beat: beatEvery, ending: make(chan struct{}), streams: make(map[string]int)}
}

// Handler answers all below Prefix. tree and registry serve what is a repository's; settle
// says of a request that its answer needs nothing that a restart waits for.
func (h *Hub) Handler(tree, registry Serve, settle func(http.ResponseWriter, *http.Request)) http.Handler {
	h.settle = settle
	r := chi.NewRouter()
	r.Route(Prefix, func(r chi.Router) {
		repos := h.handle(func(w http.ResponseWriter, r *http.Request) error { return h.repo(w, r, tree, registry) })
		r.Get("/repos/*", repos)
		r.Head("/repos/*", repos)
		r.Get("/deltas/*", h.handle(h.delta))
		r.Get("/changes", h.handle(h.changes))
	})
	r.NotFound(h.handle(func(http.ResponseWriter, *http.Request) error { return errNoRoute }))
	r.MethodNotAllowed(h.handle(func(http.ResponseWriter, *http.Request) error { return errMethod }))
	return r
}

// edgeKey is where a request's context has its token.
type edgeKey struct{}

// edge is whose request it is.
func edge(r *http.Request) token.Token {
	t, _ := r.Context().Value(edgeKey{}).(token.Token)
	return t
}

// handle makes a handler of a function for edges.
func (h *Hub) handle(fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := h.admit(r)
		if err == nil {
			err = fn(w, r.WithContext(context.WithValue(r.Context(), edgeKey{}, t)))
		}
		if err != nil {
			fail(w, r, err)
		}
	}
}

// admit says which edge asks, or why it is not answered.
func (h *Hub) admit(r *http.Request) (token.Token, error) {
	if !h.PlainHTTP && !bearer.Private(r) {
		return token.Token{}, errInsecure
	}
	secret := bearer.Secret(r)
	if secret == "" {
		return token.Token{}, errNoToken
	}
	t, err := h.Tokens.Find(secret)
	if err == nil && t.Role != token.Edge {
		err = fmt.Errorf("%w: it has the role %s", errRole, t.Role)
	}
	return t, err
}

// repo serves a path of a repository. The name is compared as it was asked for: what
// needs an escape names none, and what follows it cannot lead out of it.
func (h *Hub) repo(w http.ResponseWriter, r *http.Request, tree, registry Serve) error {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), Prefix+"/repos/"), "/")
	isRegistry, known := h.Registries[name]
	if !known || !edge(r).Grants(name) {
		return fmt.Errorf("%w: %.80q", errGrant, name)
	}
	r.Header.Del("Authorization") // the hub's own business
	if isRegistry {
		registry(w, r, name, "/"+path)
	} else {
		tree(w, r, name, path)
	}
	return nil
}
