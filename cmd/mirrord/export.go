package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/moving"
	"mirrord/internal/upstream"
)

func newExportCommand() *cobra.Command {
	var o moveOptions
	var prefix string
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write what is stored as a plain tree, for a disk that is carried elsewhere",
		Long: `Writes the current state of each repository, as far as it is stored: a directory with the same paths for apt, rpm and generic, and an OCI image
layout for each repository of a registry. DIR is new, empty, or an earlier export. No mirrord may be serving from the data directory meanwhile.
mirrord import export DIR takes it over elsewhere; any web server and skopeo can serve and read it as it is.`,
		Args: oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd, &o, prefix, args[0]) },
	}
	o.flags(cmd)
	cmd.Flags().StringArrayVar(&o.repos, "repo", nil, "export this repository only; may be given more than once")
	cmd.Flags().StringVar(&prefix, "prefix", "", "export only packages and files whose path begins so, or images whose repository does; roots and indexes come along")
	return cmd
}

func runExport(cmd *cobra.Command, o *moveOptions, prefix, dir string) error {
	cfg, err := o.load()
	if err != nil {
		return err
	}
	repos, err := o.chosen(cmd, cfg)
	if err != nil {
		return err
	}
	if within(cfg.DataDir, dir) || within(dir, cfg.DataDir) {
		return usagef(cmd, "%s and the data directory %s lie in each other", dir, cfg.DataDir)
	}
	if err := isKept(cfg.DataDir); err != nil {
		return err
	}
	show := newMoveShow(cmd.ErrOrStderr())
	log := moving.NewLog(show)
	transport := upstream.NewTransport(upstream.Options{Offline: true})
	defer transport.Close()
	h, err := openDepot(cfg, transport, func(r config.Repo) []*url.URL { return r.Upstreams }, quietly(show))
	if err != nil {
		show.end()
		return err
	}
	defer h.close()
	stored := h.store.Stats()
	show.Expect(int(stored.Objects), stored.Bytes)
	err = moving.Export{Mirror: h.mirror, Store: h.store, Repos: repos, Prefix: prefix, Link: o.link, Log: log}.Run(cmd.Context(), dir)
	show.end()
	o.summarize(cmd, cfg, log, "written")
	if err != nil {
		return fmt.Errorf("export to %s: %w", dir, goesOn(err))
	}
	return lost(log)
}

// within reports that dir is top, or lies in it.
func within(top, dir string) bool {
	a, aerr := filepath.Abs(top)
	b, berr := filepath.Abs(dir)
	rel, err := filepath.Rel(a, b)
	return aerr == nil && berr == nil && err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
