package main

import (
	"cmp"

	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/metrics"
	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
)

// newRegistry is for all that is counted.
func newRegistry(cfg *config.Config, store *cache.Store, m *mirror.Mirror, tls secured) *prometheus.Registry {
	return metrics.New(metrics.Options{
		Version: cmp.Or(version, "devel"), Stats: store.Stats, MaxSize: cfg.Cache.MaxSize, MinFree: cfg.Cache.MinFree, Upstreams: m.Upstreams,
		Tracked: m.Tracked, Scrubbed: m.Scrubbed, Certificate: tls.expiry,
	})
}

// names are the repositories'.
func names(cfg *config.Config) (all []string) {
	for _, r := range cfg.Repos {
		all = append(all, r.Name)
	}
	return all
}
