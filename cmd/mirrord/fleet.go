package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"

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
	token string
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
	return &hub{cfg.Fleet, secret}, nil
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

// fleetHandler serves edges; nil where none are.
func fleetHandler(cfg *config.Config, tokens *token.Store, deltas *fleet.Deltas) func(tree, registry fleet.Serve) http.Handler {
	if !cfg.Fleet.Serve {
		return nil
	}
	registries := make(map[string]bool)
	for _, r := range cfg.Repos {
		registries[r.Name] = r.Type == config.OCI
	}
	return fleet.NewHub(fleet.HubOptions{Tokens: tokens, Registries: registries, PlainHTTP: cfg.Fleet.PlainHTTP, Deltas: deltas}).Handler
}
