package main

import (
	"cmp"
	"fmt"
	"log/slog"

	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/metrics"
	"mirrord/internal/mirror"
	"mirrord/internal/server"
	"mirrord/internal/tracing"
	"mirrord/internal/upstream"
)

// house is all that needs the data directory, which one process can have at a time.
type house struct {
	cfg     *config.Config
	options mirror.Options
	store   *cache.Store
	mirror  *mirror.Mirror
	fleet   fleetSides
	traces  *tracing.Tracer // nil = none; its maker's to shut down
	damaged chan error      // has an error when nothing can be stored or found any more

	ends []func() // what closes it, the last first
}

// openHouse takes the data directory.
func openHouse(cfg *config.Config, traces *tracing.Tracer, log *slog.Logger) (h *house, err error) {
	h = &house{cfg: cfg, traces: traces, damaged: make(chan error, 1)}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.store, err = cache.Open(cache.Options{
		Dir: cfg.DataDir, MaxSize: cfg.Cache.MaxSize, MinFree: cfg.Cache.MinFree, Budgets: budgets(cfg),
		Park: cfg.Cache.Abandoned == config.Park, Carry: traces.Carry(), Log: log,
		Damaged: func(err error) { h.damaged <- fmt.Errorf("data directory %s: %w", cfg.DataDir, err) },
	})
	if err != nil {
		return h, fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}
	h.ends = append(h.ends, func() {
		if err := h.store.Close(); err != nil {
			log.Warn("the store did not close well", "err", err)
		}
	})
	transport := upstream.NewTransport(upstream.Options{UserAgent: userAgent(), Offline: cfg.Offline, Trace: traces.Upstream()})
	h.ends = append(h.ends, transport.Close)
	if h.fleet, err = openFleet(cfg, h.store, log); err != nil {
		return h, err
	}
	options, lists, err := wire(cfg, transport, h.fleet.hub, mirror.Options{Store: h.store, Scrub: cfg.Cache.Scrub, Changed: h.fleet.changed(), Log: log})
	h.ends = append(h.ends, lists.close)
	if err != nil {
		return h, err
	}
	h.options = options
	if h.mirror, err = mirror.New(options); err != nil {
		return h, err
	}
	h.ends = append(h.ends, h.mirror.Close)
	end, err := h.fleet.begin(h.mirror, h.store)
	h.ends = append(h.ends, end)
	return h, err
}

// close lets the data directory go. It may be called twice.
func (h *house) close() {
	for i := len(h.ends) - 1; i >= 0; i-- {
		h.ends[i]()
	}
	h.ends = nil
}

// server serves the house.
func (h *house) server(s secured, access accessLog, log *slog.Logger) (server.Server, error) {
	answered, err := answeredLists(h.cfg)
	if err != nil {
		return server.Server{}, err
	}
	registry := newRegistry(h.cfg, h.store, h.mirror, s)
	tokens, err := openTokens(h.cfg)
	if err != nil {
		return server.Server{}, err
	}
	srv := server.New(server.Options{
		Mirror: h.mirror, Paths: paths(h.cfg), Default: h.options.Default, Login: asksLogin(h.cfg), Lists: answered, Public: h.cfg.PublicURL,
		Repos: names(h.cfg), Register: registry, Metrics: metrics.Handler(registry),
		Admin: adminAPI(h.cfg, h.mirror, h.store, tokens, registry), Fleet: h.fleet.serve(h.cfg, tokens, h.store, h.mirror), TLS: s.tls, Around: s.around,
		Access: access.take(), Trace: h.traces.Request(), Log: log,
	})
	srv.RegisterOnShutdown(h.fleet.end)
	return srv, nil
}

// openTraces is nil where none are configured.
func openTraces(cfg *config.Config, log *slog.Logger) *tracing.Tracer {
	t := cfg.Tracing
	if t == nil {
		return nil
	}
	return tracing.New(tracing.Options{
		Endpoint: t.Endpoint, Sample: t.Sample, TrustClients: t.TrustClients, Version: cmp.Or(version, "devel"), Log: log,
	})
}

// userAgent is what upstreams are told.
func userAgent() string { return "mirrord/" + cmp.Or(version, "devel") }
