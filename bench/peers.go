package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// The servers by the names that tables, bars and flags use.
const (
	mirrordName = "mirrord" // its apt repository: the headline
	genericName = "mirrord-generic"
	nginxName   = "nginx"
	acngName    = "apt-cacher-ng"
	bareName    = "bare"
)

var allServers = []string{mirrordName, genericName, nginxName, acngName, bareName}

// server is one contender: where it offers the repository, and what it cost.
type server struct {
	name   string
	base   string // URL of the repository, without a slash at the end
	pid    int
	origin *upstream // nil for the bare file server
}

// fleet is every server of this run.
type fleet struct {
	servers  []*server
	versions map[string]string
	stops    []func()
}

// startFleet starts those asked for. The fleet it returns is to be stopped, also
// after an error.
func startFleet(ctx context.Context, dir string, o options, repo *repository) (*fleet, error) {
	f := &fleet{versions: make(map[string]string)}
	starters := []struct {
		name  string
		start func(ctx context.Context, f *fleet, dir string, o options, repo *repository) error
	}{
		{mirrordName, startMirrord},
		{nginxName, startNginx},
		{acngName, startAcng},
		{bareName, startBare},
	}
	for _, s := range starters {
		if !o.has(s.name) {
			continue
		}
		home := filepath.Join(dir, s.name)
		if err := os.MkdirAll(home, 0o755); err != nil {
			return f, err
		}
		if err := s.start(ctx, f, home, o, repo); err != nil {
			return f, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return f, nil
}

func (f *fleet) stop() {
	for _, stop := range slices.Backward(f.stops) {
		stop()
	}
}

// origin starts an origin that ends with the fleet.
func (f *fleet) origin(repo *repository) (*upstream, error) {
	u, err := startUpstream(repo)
	if err == nil {
		f.stops = append(f.stops, func() { _ = u.Close() })
	}
	return u, err
}

// run starts a process that ends with the fleet.
func (f *fleet) run(ctx context.Context, dir, addr, program string, args ...string) (*process, error) {
	p, err := startProcess(ctx, dir, addr, program, args...)
	if err == nil {
		f.stops = append(f.stops, p.stop)
	}
	return p, err
}

func (f *fleet) add(s *server) { f.servers = append(f.servers, s) }
