package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/metrics"
	"mirrord/internal/mirror"
	"mirrord/internal/server"
	"mirrord/internal/upstream"
)

// drainFor is how long downloads under way may go on after a signal to stop.
// What is not through then is broken off, and stays on disk as a partial.
const drainFor = 10 * time.Second

func newServeCommand() *cobra.Command {
	var file, data string
	var listen []string
	var offline bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the configured repositories",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file)
			if err != nil {
				return err
			}
			if data != "" {
				cfg.DataDir = data
			}
			if len(listen) > 0 {
				cfg.Listen = listen
			}
			cfg.Offline = cfg.Offline || offline
			log := newLog(cfg.Log, cmd.ErrOrStderr())
			slog.SetDefault(log)
			return serve(cmd.Context(), cfg, cmd.OutOrStdout(), log)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default: the built-in catalogue)")
	cmd.Flags().StringArrayVar(&listen, "listen", nil, "address to listen on, host:port; may be given more than once")
	cmd.Flags().StringVar(&data, "data", "", "data directory")
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no upstream: serve what is stored, and nothing else")
	return cmd
}

// serve runs until ctx ends.
func serve(ctx context.Context, cfg *config.Config, out io.Writer, log *slog.Logger) error {
	secured, err := secure(cfg, log)
	if err != nil {
		return err
	}
	sockets, err := openSockets(cfg)
	if err != nil {
		return err
	}
	defer closeAll(sockets)
	access, err := openAccessLog(cfg.AccessLog, out, log)
	if err != nil {
		return err
	}
	defer access.close()
	defer access.reopenOn(log)()
	store, err := cache.Open(cache.Options{
		Dir: cfg.DataDir, MaxSize: cfg.Cache.MaxSize, MinFree: cfg.Cache.MinFree, Budgets: budgets(cfg),
		Park: cfg.Cache.Abandoned == config.Park, Log: log,
	})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}
	defer store.Close()
	transport := upstream.NewTransport(upstream.Options{UserAgent: "mirrord/" + cmp.Or(version, "devel"), Offline: cfg.Offline})
	defer transport.Close()
	options, lists, err := wire(cfg, transport, mirror.Options{Store: store, Scrub: cfg.Cache.Scrub, Log: log})
	defer lists.close()
	if err != nil {
		return err
	}
	m, err := mirror.New(options)
	if err != nil {
		return err
	}
	defer m.Close()
	api, err := adminAPI(cfg, m, store)
	if err != nil {
		return err
	}
	if err := announce(out, cfg, sockets, log); err != nil {
		return err
	}
	answered, err := answeredLists(cfg)
	if err != nil {
		return err
	}
	registry := newRegistry(cfg, store, m)
	srv := server.New(server.Options{
		Mirror: m, Paths: paths(cfg), Default: options.Default, Login: asksLogin(cfg), Lists: answered, Public: cfg.PublicURL,
		Repos: names(cfg), Register: registry, Metrics: metrics.Handler(registry),
		Admin: api, TLS: secured.tls, Around: secured.around,
		Access: access.take(), Log: log,
	})
	if secured.begin != nil {
		go secured.begin(ctx)
	}
	return serveUntil(ctx, srv, sockets)
}

// announce tells what to put where. Programs that read the output are not told.
func announce(out io.Writer, cfg *config.Config, sockets []socket, log *slog.Logger) error {
	base := sockets[0].url()
	if cfg.Log.JSON || cfg.AccessLog.File == config.Stdout {
		log.Info("serving", "url", base, "data", cfg.DataDir, "offline", cfg.Offline)
		return nil
	}
	fmt.Fprintf(out, "mirrord listens on %s and keeps its data in %s\n", base, cfg.DataDir)
	if cfg.Offline {
		fmt.Fprintln(out, "It is offline: no upstream is asked, what is not stored is answered with 504")
	}
	if serves(cfg, config.OCI) {
		fmt.Fprintf(out, "For this machine's docker: mirrord client docker --server %s --apply (also containerd, podman)\n", base)
	}
	if serves(cfg, config.RPM) {
		fmt.Fprintf(out, "For this machine's dnf: mirrord client dnf --server %s --apply (zypper: --dir /etc/zypp/repos.d)\n", base)
	}
	if !serves(cfg, config.Apt) {
		return nil
	}
	fmt.Fprintf(out, "For this machine: mirrord client apt --server %s --apply, or in sources.list:\n", base)
	lines, err := sourceLines(base, cfg)
	for _, line := range lines {
		fmt.Fprintln(out, "  "+line)
	}
	return err
}

// serves reports whether there is a repository of the type.
func serves(cfg *config.Config, kind config.Type) bool {
	return slices.ContainsFunc(cfg.Repos, func(r config.Repo) bool { return r.Type == kind })
}

// serveUntil serves until ctx ends or a listener fails, then drains.
func serveUntil(ctx context.Context, srv server.Server, sockets []socket) error {
	failed := make(chan error, len(sockets))
	for _, s := range sockets {
		serve := srv.Serve
		if s.tls {
			serve = srv.ServeTLS
		}
		go func() { failed <- serve(s.Listener) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	if serr := srv.Shutdown(drain); serr != nil {
		srv.Close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
