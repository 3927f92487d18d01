package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"

	"mirrord/internal/config"
)

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
