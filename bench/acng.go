package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
)

// acngSupport is where Debian's package keeps the pages and lists it must read.
const acngSupport = "/usr/lib/apt-cacher-ng"

func startAcng(ctx context.Context, f *fleet, dir string, _ options, repo *repository) error {
	if err := f.debian(ctx, acngName); err != nil {
		return err
	}
	origin, err := f.origin(repo)
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	conf := strings.Join([]string{
		"ForeGround: 1",
		"BindAddress: " + host,
		"Port: " + port,
		"CacheDir: " + filepath.Join(dir, "cache"),
		"LogDir: " + filepath.Join(dir, "log"),
		"SocketPath: " + filepath.Join(dir, "socket"),
		"SupportDir: " + acngSupport,
		"VerboseLog: 0",            // the others write no access log either
		"MaxStandbyConThreads: 32", // one for each connection of the load
		"AllowUserPorts: 0",        // the origin's port is none of the usual ones
		"Remap-bench: /bench ; " + origin.URL,
	}, "\n") + "\n"
	if err := writeFile(dir, "acng.conf", []byte(conf)); err != nil {
		return err
	}
	p, err := f.run(ctx, dir, addr, "apt-cacher-ng", "-c", dir)
	if err != nil {
		return err
	}
	f.add(&server{name: acngName, base: "http://" + addr + "/bench", pid: p.cmd.Process.Pid, origin: origin})
	return nil
}
