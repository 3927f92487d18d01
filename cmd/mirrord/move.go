package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/cache"
	"mirrord/internal/config"
	"mirrord/internal/mirror"
	"mirrord/internal/moving"
	"mirrord/internal/upstream"
)

// moveOptions are what import and export have in common.
type moveOptions struct {
	config, data  string
	repos         []string
	link, verbose bool
}

func (o *moveOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "configuration file (default: the built-in catalogue)")
	f.StringVar(&o.data, "data", "", "data directory")
	f.BoolVar(&o.link, "link", false, "hard links instead of copies, where that can be: whoever changes the one file then changes the other")
}

// load reads the configuration.
func (o *moveOptions) load() (*config.Config, error) {
	cfg, err := loadConfig(o.config)
	if err == nil && o.data != "" {
		cfg.DataDir = o.data
	}
	return cfg, err
}

// chosen are the repositories that --repo names, else all; an unknown name is an error.
func (o *moveOptions) chosen(cmd *cobra.Command, cfg *config.Config) (all []moving.Repo, err error) {
	for _, r := range cfg.Repos {
		if len(o.repos) == 0 || slices.Contains(o.repos, r.Name) {
			all = append(all, moving.Repo{Name: r.Name, Type: string(r.Type), Upstreams: r.Upstreams})
		}
	}
	for _, name := range o.repos {
		if !slices.ContainsFunc(all, func(r moving.Repo) bool { return r.Name == name }) {
			return nil, usagef(cmd, "--repo %s: no repository of that name in %s", name, cfg.File)
		}
	}
	return all, nil
}

// depot is a store and a mirror on it that nobody is served from.
type depot struct {
	store  *cache.Store
	mirror *mirror.Mirror
	close  func()
}

// openDepot opens the data directory for a mirror whose upstreams are as t and mirrors
// have it.
func openDepot(cfg *config.Config, t *upstream.Transport, mirrors func(config.Repo) []*url.URL, log *slog.Logger) (*depot, error) {
	if err := ownData(cfg.DataDir); err != nil {
		return nil, err
	}
	store, err := cache.Open(cache.Options{Dir: cfg.DataDir, MaxSize: cfg.Cache.MaxSize, MinFree: cfg.Cache.MinFree, Budgets: budgets(cfg), Log: log})
	if errors.Is(err, cache.ErrInUse) {
		err = fmt.Errorf("%w, which has to be stopped meanwhile", err)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", cfg.DataDir, err)
	}
	m, err := mirror.New(unserved(cfg, t, mirrors, mirror.Options{Store: store, Log: log}))
	if err != nil {
		store.Close()
		return nil, err
	}
	return &depot{store: store, mirror: m, close: func() {
		m.Close()
		if err := store.Close(); err != nil {
			log.Error("the data directory could not be closed", "err", err)
		}
	}}, nil
}

// unserved wires the repositories for nobody to be served from.
func unserved(cfg *config.Config, t *upstream.Transport, mirrors func(config.Repo) []*url.URL, o mirror.Options) mirror.Options {
	for _, r := range cfg.Repos {
		group := upstream.NewGroup(upstream.Config{Name: r.Name, Mirrors: mirrors(r)}, t)
		if r.Type == config.OCI {
			o.Registries = append(o.Registries, mirror.RegistryConfig{Name: r.Name, Upstream: group})
		} else {
			o.Repos = append(o.Repos, mirror.Config{Name: r.Name, Adapter: adapters[r.Type], Upstream: group})
		}
	}
	return o
}

// ownData refuses a data directory whose files, made by this user, its owner could not
// read.
func ownData(dir string) error {
	owner, err := ownerOf(dir)
	if os.Geteuid() != 0 || err != nil || owner.Uid == "0" {
		return nil
	}
	return fmt.Errorf("data directory %s belongs to %s, and is of no use to it with files of root's in it: run this as %[2]s (runuser -u %[2]s -- mirrord ...)", dir, owner.Username)
}

// quietly is a log for people who watch: errors, a line each.
func quietly(show *moveShow) *slog.Logger {
	return slog.New(slog.NewTextHandler(lineWriter{show}, &slog.HandlerOptions{Level: slog.LevelError, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

type lineWriter struct{ show *moveShow }

func (w lineWriter) Write(p []byte) (int, error) {
	w.show.Line(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// goesOn words the end of an import or export that was interrupted.
func goesOn(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted; it goes on from here when it is called again")
	}
	return err
}

// lost is the error of what could not be read or written; nil where there is none.
func lost(log *moving.Log) error {
	if n := log.Lost(); n > 0 {
		return fmt.Errorf("%d files or directories could not be read or written", n)
	}
	return nil
}
