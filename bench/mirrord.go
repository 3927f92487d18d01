package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// buildMirrord compiles the tree that this program is run from.
func buildMirrord(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "mirrord.bin")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "mirrord/cmd/mirrord").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
}

// kindOCI is the type of a registry in mirrord's configuration.
const kindOCI = "oci"

// mirrordRepo is one repository of mirrord's and the server it is taken for here.
type mirrordRepo struct {
	server, name, kind string
	path               string // at mirrord, without a slash at the end
	origin             *upstream
	upstreams          []string // of the configuration
}

// startMirrord runs one process with the apt repository, and where asked with a
// generic one beside it, each before an origin of its own.
func startMirrord(ctx context.Context, f *fleet, dir string, o options, repo *repository) error {
	repos := []mirrordRepo{{server: mirrordName, name: "bench", kind: "apt", path: "/bench"}}
	if o.has(genericName) {
		repos = append(repos, mirrordRepo{server: genericName, name: "bench-generic", kind: "generic", path: "/bench-generic"})
	}
	return serveMirrord(ctx, f, dir, o, repo, repos)
}

func startMirrordOCI(ctx context.Context, f *fleet, dir string, o options, repo *repository) error {
	return serveMirrord(ctx, f, dir, o, repo, []mirrordRepo{{server: ociName, name: "docker.io", kind: kindOCI, path: "/v2/" + blobRepository}})
}

func serveMirrord(ctx context.Context, f *fleet, dir string, o options, repo *repository, repos []mirrordRepo) error {
	version, err := exec.CommandContext(ctx, o.program, "version").Output()
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	f.versions[mirrordName] = strings.TrimSpace(string(version))
	for i := range repos {
		r := &repos[i]
		if r.origin, err = f.origin(repo); err != nil {
			return err
		}
		r.upstreams = []string{r.origin.URL}
		if r.kind == kindOCI {
			r.upstreams = []string{r.origin.Registry}
		}
	}
	addr, p, err := runMirrord(ctx, f, dir, o, repos)
	if err != nil {
		return err
	}
	for _, r := range repos {
		f.add(&server{name: r.server, base: "http://" + addr + r.path, blobs: r.kind == kindOCI, pid: p.cmd.Process.Pid, origin: r.origin})
	}
	return nil
}

// runMirrord starts a process that serves these repositories.
func runMirrord(ctx context.Context, f *fleet, dir string, o options, repos []mirrordRepo) (addr string, p *process, err error) {
	if addr, err = freeAddr(); err != nil {
		return "", nil, err
	}
	conf := filepath.Join(dir, "mirrord.yaml")
	if err := writeFile(dir, filepath.Base(conf), mirrordConfig(addr, filepath.Join(dir, "data"), repos)); err != nil {
		return "", nil, err
	}
	p, err = f.run(ctx, dir, addr, o.program, "serve", "--config", conf)
	return addr, p, err
}

// mirrordConfig leaves all at its default that the experiments do not need.
func mirrordConfig(addr, data string, repos []mirrordRepo) []byte {
	conf := fmt.Appendf(nil, "listen: [%q]\ndata_dir: %q\ncache: {max_size: 20GiB, min_free: 64MiB}\nrepos:\n", addr, data)
	for _, r := range repos {
		urls, more := make([]string, len(r.upstreams)), ""
		for i, u := range r.upstreams {
			urls[i] = strconv.Quote(u)
		}
		if r.kind == kindOCI {
			more = ", default: true"
		}
		conf = fmt.Appendf(conf, "  - {name: %s, type: %s, upstreams: [%s], fresh: 1h%s}\n", r.name, r.kind, strings.Join(urls, ", "), more)
	}
	return conf
}
