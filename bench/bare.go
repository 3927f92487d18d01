package main

import (
	"context"
	"flag"
	"mime"
	"net/http"
	"os"
	"runtime"
	"time"
)

// bareCommand as first argument turns this program into the bare file server.
const bareCommand = "bare"

// serveBare is the yardstick: net/http and nothing else.
func serveBare(args []string) error {
	flags := flag.NewFlagSet(bareCommand, flag.ContinueOnError)
	addr := flags.String("listen", "127.0.0.1:0", "address")
	root := flags.String("root", ".", "directory to serve")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Without a known type ServeContent reads the file's start on every request, and
	// whether .deb is known depends on the machine.
	if err := mime.AddExtensionType(".deb", "application/vnd.debian.binary-package"); err != nil {
		return err
	}
	srv := &http.Server{Addr: *addr, Handler: http.FileServer(http.Dir(*root)), ReadHeaderTimeout: 10 * time.Second}
	return srv.ListenAndServe()
}

func startBare(ctx context.Context, f *fleet, dir string, _ options, repo *repository) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	p, err := f.run(ctx, dir, addr, self, bareCommand, "-listen", addr, "-root", repo.Dir)
	if err != nil {
		return err
	}
	f.versions[bareName] = "net/http " + runtime.Version()
	f.add(&server{name: bareName, base: "http://" + addr, pid: p.cmd.Process.Pid})
	return nil
}
