package admin

import (
	"context"
	"net/http"
	"time"

	"mirrord/internal/audit"
	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/token"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Mirror is what is looked at and acted on.
type Mirror interface {
	Looker
	Actor
}

// Looker changes nothing.
type Looker interface {
	Repos() []mirror.RepoState
	Scrubbed() *mirror.ScrubState
	Objects(ctx context.Context, s mirror.Selector, after string, limit int) ([]mirror.Object, string, error)
	Explain(ctx context.Context, repo, path string) (*mirror.Explanation, error)
}

// Actor changes what is stored.
type Actor interface {
	Locate(escapedPath, rawQuery string) (mirror.Selector, error)
	Purge(ctx context.Context, s mirror.Selector, o mirror.PurgeOptions) (mirror.Purged, error)
	Refresh(ctx context.Context, repo, path string) ([]mirror.Refreshed, error)
	Keeper
	Historian
}

// Historian keeps states of repositories under names.
type Historian interface {
	Snapshots() []mirror.Snapshot
	Snapshot(ctx context.Context, repo, name string) ([]mirror.Snapshot, error)
	DeleteSnapshot(repo, name string) error
}

// Keeper says what is to be kept.
type Keeper interface {
	Pin(ctx context.Context, s mirror.Selector, owner string) (mirror.Count, error)
	Unpin(ctx context.Context, s mirror.Selector, owner string) (mirror.Count, error)
	Warm(ctx context.Context, s mirror.Selector) (mirror.Warmed, error)
	Collect(ctx context.Context, c cache.Collection) (cache.Evicted, error)
}

// Options of the API.
type Options struct {
	Mirror  Mirror
	Tokens  *token.Store
	Audit   *audit.Log
	Stats   func() cache.Stats
	Version string
	Offline bool
	// MaxSize and MinFree are the store's bounds, in bytes, for status.
	MaxSize, MinFree int64
	// PlainHTTP admits calls over plain HTTP from other machines.
	PlainHTTP bool
	// Register takes the API's own counter; nil = nobody is told of it.
	Register prometheus.Registerer
	Now      func() time.Time
}

type api struct {
	Options
	started time.Time
	calls   *prometheus.CounterVec
}

const (
	// Prefix is where the API stands.
	Prefix = "/api/v1"
	// MethodPurge takes the artifact off the disk whose URL it is asked for, as caches do.
	MethodPurge = "PURGE"
)

// New makes the API's handler: of requests below Prefix, and of PURGE for the URL of
// any artifact.
func New(o Options) http.Handler { return newAPI(o).handler() }

func newAPI(o Options) *api { return &api{Options: o, started: o.Now(), calls: newCalls(o.Register)} }

func (a *api) handler() http.Handler {
	routes := a.routes()
	purge := a.handle(token.Operate, a.purgeURL)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == MethodPurge {
			purge(w, r)
			return
		}
		routes.ServeHTTP(w, r)
	})
}

func (a *api) routes() chi.Router {
	r := chi.NewRouter()
	r.Route(Prefix, func(r chi.Router) {
		r.Get("/openapi.yaml", a.handle(token.Read, a.document))
		r.Get("/status", a.handle(token.Read, a.status))
		r.Get("/objects", a.handle(token.Read, a.objects))
		r.Get("/explain", a.handle(token.Read, a.explain))
		r.Post("/purge", a.handle(token.Operate, read(a.purge)))
		r.Post("/refresh", a.handle(token.Operate, read(a.refresh)))
		r.Post("/pin", a.handle(token.Operate, read(a.pin)))
		r.Post("/unpin", a.handle(token.Operate, read(a.unpin)))
		r.Post("/warm", a.handle(token.Operate, read(a.warm)))
		r.Post("/gc", a.handle(token.Operate, read(a.collect)))
		r.Get("/snapshots", a.handle(token.Read, a.snapshots))
		r.Post("/snapshots", a.handle(token.Operate, read(a.addSnapshot)))
		r.Delete("/snapshots/{repo}/{name}", a.handle(token.Operate, a.deleteSnapshot))
		r.Get("/tokens", a.handle(token.Admin, a.tokens))
		r.Post("/tokens", a.handle(token.Admin, read(a.addToken)))
		r.Delete("/tokens/{name}", a.handle(token.Admin, a.revokeToken))
	})
	r.NotFound(a.handle(token.Read, func(http.ResponseWriter, *http.Request) error { return errNoRoute }))
	r.MethodNotAllowed(a.handle(token.Read, func(http.ResponseWriter, *http.Request) error { return errMethod }))
	return r
}
