package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/signal"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"mirrord/internal/config"
)

func newServeCommand() *cobra.Command {
	var file, data string
	var listen []string
	var offline bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the configured repositories",
		Long: `Serve the configured repositories.

SIGTERM and SIGINT stop it in good order: what is under way may end. SIGUSR1 opens the
access log anew. SIGUSR2 restarts it, with the configuration read again, and no client is
refused. docs/service.md has more of this, and of systemd.`,
		Args: noArgs,
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

// serve runs until ctx ends, or until another process has taken over.
func serve(ctx context.Context, cfg *config.Config, out io.Writer, log *slog.Logger) error {
	restart := awaitRestart()
	defer signal.Stop(restart)
	before, err := findPredecessor()
	if err != nil {
		return err
	}
	secured, err := secure(cfg, log)
	if err != nil {
		return err
	}
	sockets, err := openSockets(cfg, before)
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
	before.wait()
	traces := openTraces(cfg, log)
	defer traces.Shutdown()
	h, err := openHouse(cfg, traces, log)
	if err != nil {
		return err
	}
	defer h.close()
	srv, err := h.server(secured, access, log)
	if err != nil {
		return err
	}
	if err := announce(out, cfg, sockets, log); err != nil {
		return err
	}
	s := &service{cfg: cfg, house: h, srv: srv, sockets: sockets, log: log, restart: restart, failed: make(chan error, len(sockets))}
	s.begin()
	if secured.begin != nil {
		go secured.begin(ctx)
	}
	before.done()
	tell(log, daemon.SdNotifyReady, fmt.Sprintf("STATUS=%d repositories", len(cfg.Repos)))
	defer s.watch()()
	return s.run(ctx)
}
