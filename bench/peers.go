package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The servers by the names that tables, bars and flags use.
const (
	mirrordName  = "mirrord" // its apt repository: the headline
	genericName  = "mirrord-generic"
	nginxName    = "nginx"
	acngName     = "apt-cacher-ng"
	bareName     = "bare"
	ociName      = "mirrord-oci" // a process of its own: in one store the apt objects would be its blobs
	registryName = "docker-registry"
)

var allServers = []string{mirrordName, genericName, nginxName, acngName, bareName, ociName, registryName}

// server is one contender: where it offers the repository, and what it cost.
type server struct {
	name   string
	base   string // URL of the repository, without a slash at the end
	blobs  bool   // it is a registry's
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
		{ociName, startMirrordOCI},
		{registryName, startRegistry},
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

// url is where this server offers o.
func (s *server) url(o object) string {
	if s.blobs {
		return s.base + "/blobs/" + o.digest()
	}
	return s.base + "/" + o.Path
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

// debian notes the version of a package that a server comes from.
func (f *fleet) debian(ctx context.Context, name string) error {
	version, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return fmt.Errorf("dpkg-query: %w", err)
	}
	f.versions[name] = name + "/" + strings.TrimSpace(string(version))
	return nil
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
