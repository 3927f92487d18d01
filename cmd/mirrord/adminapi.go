package main

import (
	"cmp"
	"net/http"
	"path/filepath"
	"time"

	"mirrord/internal/admin"
	"mirrord/internal/audit"
	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/mirror"
	"mirrord/internal/token"

	"github.com/prometheus/client_golang/prometheus"
)

// openTokens makes the CLI's token where there is none.
func openTokens(cfg *config.Config) (*token.Store, error) {
	return token.Open(filepath.Join(cfg.DataDir, "tokens.json"), tokenFile(cfg), time.Now)
}

// adminAPI is the admin API over m.
func adminAPI(cfg *config.Config, m *mirror.Mirror, store *cache.Store, tokens *token.Store, counters prometheus.Registerer) http.Handler {
	return admin.New(admin.Options{
		Mirror: m, Tokens: tokens, Audit: audit.New(filepath.Join(cfg.DataDir, "audit.log")),
		Stats: store.Stats, Version: cmp.Or(version, "devel"), Offline: cfg.Offline,
		MaxSize: cfg.Cache.MaxSize, MinFree: cfg.Cache.MinFree, PlainHTTP: cfg.Admin.PlainHTTP, Register: counters, Now: time.Now,
	})
}

// tokenFile is where the CLI's token stands.
func tokenFile(cfg *config.Config) string {
	return cmp.Or(cfg.Admin.TokenFile, filepath.Join(cfg.DataDir, "admin.token"))
}
