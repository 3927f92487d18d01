package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"mirrord/internal/accesslog"
	"mirrord/internal/mirror"
	"mirrord/internal/repo"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Mirror is what the server needs of internal/mirror.
type Mirror interface {
	Open(ctx context.Context, req mirror.Request) (*mirror.Answer, error)
	Pull(ctx context.Context, req mirror.Pull) (*mirror.Answer, error)
	States(ctx context.Context, req mirror.Request) (mirror.States, error)
}

// Options of a server.
type Options struct {
	Mirror Mirror
	Paths  []string // of the repositories, "/debian/" or "/v2/docker.io/", for the page at /
	// Default is the registry that requests mean which name none, for the same page;
	// "" = there is none.
	Default string
	// Login has /v2/ ask clients to log in, so that those do that wait to be asked.
	Login bool
	// Lists are answered for the first repository that has them.
	Lists []Lists
	// Public is where clients reach the server; nil = where each of them says it does.
	Public *url.URL
	// Repos are the names of all repositories, which are counted from 0 on.
	Repos []string
	// Metrics answers at /metrics; nil = nobody does.
	Metrics http.Handler
	// Register takes the server's own counters; nil = nobody is told of them.
	Register prometheus.Registerer
	TLS      *tls.Config // for ServeTLS; nil = it is not called
	// Access is given what was answered; nil = nobody is.
	Access func(*accesslog.Entry)
	// Trace begins a request's span, and gives the request to go on with and what ends
	// the span; nil = there are none. It sees the requests that net/http sees.
	Trace func(*http.Request) (*http.Request, func(*accesslog.Entry))
	// Around is put around all that is served; nil = nothing. It sees the requests
	// that are no hits.
	Around func(http.Handler) http.Handler
	// Admin answers below AdminPrefix and to PURGE; nil = nobody does.
	Admin http.Handler
	// Fleet makes what answers below FleetPrefix; nil = nobody does. It is given what
	// serves another mirrord, which may read the repository, a path of it: of a tree, or
	// of a registry's API, from /v2 on. The path is escaped, as it was asked for. And what
	// is to be called where the rest of an answer needs nothing that a restart waits for.
	Fleet func(tree, registry func(w http.ResponseWriter, r *http.Request, repo, escaped string), settle func(http.ResponseWriter, *http.Request)) http.Handler
	Log   *slog.Logger
}

// AdminPrefix is where Options.Admin stands, FleetPrefix where what Options.Fleet makes
// does. No repository may have such a name.
const (
	AdminPrefix = "/api/"
	FleetPrefix = "/fleet/"
)

type server struct {
	Options
	index     string
	metrics   *metrics
	tokens    *tokens
	waits     waits
	links     links
	listeners listeners

	draining atomic.Bool // /readyz says so
	leaving  atomic.Bool // no connection is taken any more, and none is kept
	handed   atomic.Bool // the mirror is another process's
	forced   atomic.Bool // connections end whatever is under way
}

// Server is an http.Server that answers hits on its own, cheaper way.
type Server struct {
	*http.Server
	s *server
}

// Serve accepts connections until Shutdown or Close.
func (s Server) Serve(l net.Listener) error {
	return s.ended(s.s.listeners.serve(l, func(l net.Listener) error { return s.Server.Serve(connListener{l, s.s}) }))
}

// ServeTLS does so with TLS: HTTP/2, or HTTP/1.1 where the client knows no other.
func (s Server) ServeTLS(l net.Listener) error {
	return s.ended(s.s.listeners.serve(l, func(l net.Listener) error {
		return s.Server.ServeTLS(peerListener{l, s.s}, "", "") // Options.TLS has the certificate
	}))
}

// ended words a listener's end that was wanted.
func (s Server) ended(err error) error {
	if s.s.leaving.Load() {
		return http.ErrServerClosed
	}
	return err
}

// New makes a Server, ready for Serve.
func New(o Options) Server { return newServer(o, usualWaits) }

func newServer(o Options, waits waits) Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &server{Options: o, index: indexPage(o.Paths, o.Default), metrics: newMetrics(o.Register, o.Repos), tokens: newTokens(), waits: waits}
	handler := s.counted(s.routes())
	if o.Around != nil {
		handler = o.Around(handler)
	}
	handler = s.noted(handler)
	return Server{s: s, Server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: waits.header,
		ReadTimeout:       waits.request, // net/http lifts it once the request is there
		IdleTimeout:       waits.idle,
		MaxHeaderBytes:    headerMax,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		ConnState:         s.stateChanged,
		ConnContext:       withPeer,
		TLSConfig:         withHTTP2(o.TLS),
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize:              frameMax,
			MaxReceiveBufferPerConnection: aheadMax,
			MaxReceiveBufferPerStream:     aheadMax,
			WriteByteTimeout:              waits.stall,
		},
	}}
}

// withHTTP2 names the protocols. net/http would do so itself, but forgets HTTP/2
// where the first listener is a plain one.
func withHTTP2(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	for _, proto := range []string{"h2", "http/1.1"} {
		if !slices.Contains(c.NextProtos, proto) {
			c.NextProtos = append(slices.Clone(c.NextProtos), proto)
		}
	}
	return c
}

func init() { chi.RegisterMethod("PURGE") }

func (s *server) routes() http.Handler {
	r := chi.NewRouter()
	ok := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") }
	r.Get("/healthz", ok)
	r.Get("/readyz", s.ready)
	if s.Metrics != nil {
		r.Method(http.MethodGet, "/metrics", s.Metrics)
	}
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s.index) })
	list := s.handle(s.list)
	for _, path := range []string{"/metalink", "/metalink/*", "/mirrorlist", "/mirrorlist/*"} {
		r.Get(path, list)
		r.Head(path, list)
	}
	artifact := s.handle(s.artifact)
	if s.Admin != nil {
		r.Handle(AdminPrefix+"*", s.Admin)
	}
	if s.Fleet != nil {
		r.Handle(FleetPrefix+"*", s.Fleet(s.edgeTree, s.edgeRegistry, settle))
	}
	r.Get("/{repo}/*", artifact)
	r.Head("/{repo}/*", artifact)
	r.Get("/v2/token", s.giveToken)
	r.HandleFunc("/v2", s.registry)
	r.HandleFunc("/v2/*", s.registry)
	if s.Admin != nil { // after the registry, which answers to every method
		r.Method("PURGE", "/*", s.Admin)
		r.Method("PURGE", "/v2/*", s.Admin)
	}
	r.NotFound(s.handle(func(_ http.ResponseWriter, r *http.Request) error {
		if _, _, err := split(r.URL.EscapedPath()); errors.Is(err, repo.ErrBadPath) {
			return err
		}
		return errNothingHere
	}))
	return r
}

// indexPage is for people, and for mirrord client: a line that begins with / is a
// repository's path.
func indexPage(paths []string, standard string) string {
	page := "mirrord serves these repositories:\n" + strings.Join(paths, "\n") + "\n"
	if standard != "" {
		page += "default registry: " + standard + "\n"
	}
	return page
}

// handle makes a handler of a function that returns an error.
func (s *server) handle(fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := fn(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

var errNothingHere = errors.New("nothing here; repositories stand at /NAME/")

// split takes /NAME/PATH, escaped, apart; the path comes back clean.
func split(escaped string) (name, path string, err error) {
	clean, err := repo.CleanPath(strings.TrimPrefix(escaped, "/"))
	if err != nil {
		return "", "", err
	}
	name, path, _ = strings.Cut(clean, "/")
	return name, path, nil
}

// artifact serves /NAME/PATH.
func (s *server) artifact(w http.ResponseWriter, r *http.Request) error {
	name, path, err := split(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if s.asksList(name, path) {
		return s.answerList(w, r, name, path)
	}
	return s.open(w, r, mirror.Request{Repo: name, Path: path, Client: peerOf(r).client})
}

// open serves what req names, as r wants it.
func (s *server) open(w http.ResponseWriter, r *http.Request, req mirror.Request) error {
	req.From, req.Head = firstByte(r.Header.Get("Range")), r.Method == http.MethodHead
	name, path := req.Repo, req.Path
	a, err := s.Mirror.Open(r.Context(), req)
	label, _, _ := strings.Cut(name, "@") // the states of a repository are counted together
	if err != nil {
		if !errors.Is(err, mirror.ErrUnknownRepo) {
			noteRepo(w, label, "")
		}
		return err
	}
	defer a.Close()
	if lineage := peerOf(r).lineage(r.URL.EscapedPath(), a); lineage != "" {
		offer(w.Header(), lineage)
		if coded := difference(r, a); coded != nil {
			defer coded.Close()
			s.metrics.coded(label, a.Size-coded.Size)
			a = coded
		}
	}
	s.answered(w, r, label, a)
	if isStored(a) {
		settle(w, r)
	}
	serve(w, r, path, a)
	s.finish(r, a, name, path)
	return nil
}

// finish breaks the connection of an answer that could not be given whole: the
// header is out, and nothing else tells the client.
func (s *server) finish(r *http.Request, a *mirror.Answer, name, path string) {
	err := a.Err()
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		s.Log.Warn("a download broke off", "repo", name, "path", path, "err", err)
	}
	peerOf(r).reset(r)
	panic(http.ErrAbortHandler)
}
