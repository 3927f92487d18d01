package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/fleet"
	"mirrord/internal/mirror"
	"mirrord/internal/token"
	"mirrord/internal/upstream"
)

// hub is the one that this mirrord is an edge of; nil = none.
type hub struct {
	config.Fleet
	token   string
	offline bool // it is not followed
}

// readHub reads the token that is shown to it.
func readHub(cfg *config.Config) (*hub, error) {
	if cfg.Fleet.Hub == nil {
		return nil, nil
	}
	text, err := os.ReadFile(cfg.Fleet.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("the token for the hub: %w", err)
	}
	secret := string(bytes.TrimSpace(text))
	for _, c := range secret {
		if c <= ' ' || c > '~' {
			return nil, fmt.Errorf("%s: more than one word, expected one token", cfg.Fleet.TokenFile)
		}
	}
	if secret == "" {
		return nil, fmt.Errorf("%s is empty, expected a token", cfg.Fleet.TokenFile)
	}
	return &hub{cfg.Fleet, secret, cfg.Offline}, nil
}

// serves reports a repository that comes from the hub.
func (h *hub) serves(r config.Repo) bool {
	if h == nil {
		return false
	}
	_, ok := h.Repos[r.Name]
	return ok
}

// first puts the hub in front of the repository's mirrors, or in their place.
func (h *hub) first(r config.Repo, c upstream.Config) upstream.Config {
	if !h.serves(r) {
		return c
	}
	c.Hub = &upstream.Hub{Base: fleet.Address(h.Hub, r.Name, r.Type == config.OCI), TLS: h.TLS, Token: h.token}
	if !h.Fallback {
		c.Mirrors, c.TLS = nil, nil
	}
	return c
}

// alone is the repository without its lists of mirrors, where it comes from the hub.
func (h *hub) alone(r config.Repo) config.Repo {
	if h.serves(r) {
		r.Lists = nil
	}
	return r
}

// shortcut is how the repository's objects come for fewer bytes; nil = there is no such
// way.
func (h *hub) shortcut(r config.Repo, s *fleet.Shortcut) mirror.Shortcut {
	if !h.serves(r) {
		return nil
	}
	return s
}

// deltas asks the hub for what tells new versions from older ones.
func (h *hub) deltas(cfg *config.Config, store *cache.Store, t *upstream.Transport) *fleet.Shortcut {
	if h == nil {
		return nil
	}
	at := *h.Hub
	at.Path = fleet.Prefix
	return &fleet.Shortcut{Store: store, Metered: h.Metered, Hub: upstream.NewGroup(upstream.Config{
		Name: "hub", Hub: &upstream.Hub{Base: &at, TLS: h.TLS, Token: h.token}, Timeouts: timeouts(cfg),
	}, t)}
}

// fleetSides are what this mirrord is in a fleet: each nil where it is not that.
type fleetSides struct {
	journal *fleet.Journal // of a hub
	hub     *hub           // of an edge
	served  *fleet.Hub
	log     *slog.Logger
}

// openFleet reads what is known from before.
func openFleet(cfg *config.Config, store *cache.Store, log *slog.Logger) (f fleetSides, err error) {
	f.log = log
	if cfg.Fleet.Serve {
		if f.journal, err = fleet.OpenJournal(store, time.Now); err != nil {
			return f, err
		}
	}
	f.hub, err = readHub(cfg)
	return f, err
}

// changed is who is told of changes.
func (f fleetSides) changed() func(context.Context, mirror.Change) {
	if f.journal == nil {
		return nil
	}
	return f.journal.Add
}

// begin has the journal know the roots that moved while it was not told, and the hub be
// followed. end may be called in any case.
func (f fleetSides) begin(m *mirror.Mirror, store *cache.Store) (end func(), err error) {
	if f.journal != nil {
		m.EachRoot(func(c mirror.Change) { f.journal.Add(context.Background(), c) })
	}
	if f.hub == nil || f.hub.offline {
		return func() {}, nil
	}
	policies := make(map[string]fleet.Policy)
	for name, p := range f.hub.Repos {
		policies[name] = fleet.Policy(p)
	}
	e, err := fleet.NewEdge(fleet.EdgeOptions{
		Hub: f.hub.Hub, Token: f.hub.token, Client: f.hub.client(), Repos: policies, Mirror: m, Store: store, Own: f.journal, Log: f.log,
	})
	if err != nil {
		return func() {}, err
	}
	e.Begin()
	return e.Close, nil
}

// client is for the hub's news.
func (h *hub) client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = h.TLS
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// serve serves edges; it is nil where none are.
func (f *fleetSides) serve(cfg *config.Config, tokens *token.Store, store *cache.Store, m *mirror.Mirror) func(tree, registry fleet.Serve, settle func(http.ResponseWriter, *http.Request)) http.Handler {
	if f.journal == nil {
		return nil
	}
	registries := make(map[string]bool)
	for _, r := range cfg.Repos {
		registries[r.Name] = r.Type == config.OCI
	}
	f.served = fleet.NewHub(fleet.HubOptions{
		Tokens: tokens, Registries: registries, PlainHTTP: cfg.Fleet.PlainHTTP, Journal: f.journal, Deltas: fleet.NewDeltas(store, m),
	})
	return f.served.Handler
}

// end has edges go where they are served from now on.
func (f *fleetSides) end() {
	if f.served != nil {
		f.served.End()
	}
}
