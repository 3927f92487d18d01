package main

import (
	"context"
	"fmt"
	"log/slog"

	"mirrord/internal/config"
	"mirrord/internal/follow"
	"mirrord/internal/login"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/apt"
	"mirrord/internal/repo/generic"
	"mirrord/internal/repo/oci"
	"mirrord/internal/repo/rpm"
	"mirrord/internal/upstream"
)

// adapters know the repositories that are trees.
var adapters = map[config.Type]mirror.Adapter{
	config.Apt: apt.Adapter{}, config.RPM: rpm.Adapter{}, config.Generic: generic.Adapter{},
}

// wire gives each configured repository its adapter and its mirrors. The followers are
// the caller's to close.
func wire(cfg *config.Config, t *upstream.Transport, hub *hub, o mirror.Options) (mirror.Options, followers, error) {
	var lists followers
	deltas := hub.deltas(cfg, o.Store, t)
	for _, r := range cfg.Repos {
		group := upstream.NewGroup(hub.first(r, groupConfig(cfg, r)), t)
		if hub.serves(r) {
			deltas.Links = append(deltas.Links, group)
		}
		if r.Type != config.OCI {
			c := mirror.Config{Name: r.Name, Adapter: adapters[r.Type], Upstream: group, Fresh: r.Fresh, History: r.History,
				Shortcut: hub.shortcut(r, deltas)}
			if err := lists.follow(cfg, hub.alone(r), &c, t, o.Log); err != nil {
				return o, lists, err
			}
			o.Repos = append(o.Repos, c)
			continue
		}
		o.Registries = append(o.Registries, mirror.RegistryConfig{
			Name: r.Name, Upstream: group, Fresh: r.Fresh, Gone: mirror.Gone(r.Gone), Shared: r.Shares,
			Shortcut: hub.shortcut(r, deltas),
		})
		if r.Default {
			o.Default = r.Name
		}
	}
	o.Library = []string{oci.Hub} // where clients leave library/ out
	var err error
	o.Aliases, err = aliases(cfg)
	return o, lists, err
}

// followers are those who fetch the lists of mirrors.
type followers []*follow.Follower

// follow has the repository's mirrors be what its lists say, where it has some.
func (all *followers) follow(cfg *config.Config, r config.Repo, c *mirror.Config, t *upstream.Transport, log *slog.Logger) error {
	if len(r.Lists) == 0 {
		return nil
	}
	f, err := follow.New(follow.Config{
		Name: r.Name, Group: c.Upstream, Lists: r.Lists, Transport: t, Timeouts: timeouts(cfg), Log: log,
	})
	if err != nil {
		return err
	}
	c.Vet = f.Vet
	*all = append(*all, f)
	return nil
}

func (all followers) close() {
	for _, f := range all {
		f.Close()
	}
}

func timeouts(cfg *config.Config) upstream.Timeouts {
	return upstream.Timeouts{Connect: cfg.Upstream.Connect, Header: cfg.Upstream.Header, Idle: cfg.Upstream.Idle}
}

func groupConfig(cfg *config.Config, r config.Repo) upstream.Config {
	c := upstream.Config{
		Name: r.Name, Mirrors: r.Upstreams, TLS: r.TLS, Redirects: r.Redirects, Realms: r.Realms,
		Connections: r.Connections, Rate: r.Rate,
		Timeouts: timeouts(cfg),
	}
	if r.DockerConfig != "" {
		find := login.FromDockerConfig(r.DockerConfig)
		c.Login = func(ctx context.Context, host string) (upstream.Login, error) {
			l, err := find(ctx, host)
			return upstream.Login{Username: l.Username, Password: l.Password, IdentityToken: l.IdentityToken}, err
		}
	}
	return c
}

// aliases reads the configured ones; an error tells the line.
func aliases(cfg *config.Config) (oci.Aliases, error) {
	names, standard := map[string]bool{}, oci.Hub
	for _, r := range cfg.Repos {
		names[r.Name] = r.Type == config.OCI
		if r.Default {
			standard = r.Name
		}
	}
	var all []oci.Alias
	for _, a := range cfg.Aliases {
		alias, err := readAlias(a, standard, names)
		all = append(all, alias)
		if err == nil {
			_, err = oci.NewAliases(all)
		}
		if err != nil {
			return oci.Aliases{}, cfg.Errorf(a.Line, "%v", err)
		}
	}
	return oci.NewAliases(all)
}

// readAlias reads one, between registries of this configuration.
func readAlias(a config.Alias, standard string, names map[string]bool) (alias oci.Alias, err error) {
	known := func(s string) bool { return names[s] }
	if alias.From, err = oci.ParseReference(a.From, standard, known); err != nil {
		return alias, err
	}
	if alias.To, err = oci.ParseReference(a.To, standard, known); err != nil {
		return alias, err
	}
	for _, r := range []string{alias.From.Registry, alias.To.Registry} {
		if !names[r] {
			return alias, fmt.Errorf("alias %q: %q is no repository of type oci here, expected one of this configuration", a.From, r)
		}
	}
	return alias, nil
}

// budgets are what single repositories may keep stored.
func budgets(cfg *config.Config) map[string]int64 {
	all := make(map[string]int64)
	for _, r := range cfg.Repos {
		if r.MaxSize > 0 {
			all[r.Name] = r.MaxSize
		}
	}
	return all
}

// paths are where the repositories stand, for the page at /.
func paths(cfg *config.Config) (all []string) {
	for _, r := range cfg.Repos {
		path := "/" + r.Name + "/"
		if r.Type == config.OCI {
			path = "/v2" + path
		}
		all = append(all, path)
	}
	return all
}

// asksLogin reports that /v2/ is to ask clients to log in.
func asksLogin(cfg *config.Config) bool {
	for _, r := range cfg.Repos {
		if r.Login {
			return true
		}
	}
	return false
}
