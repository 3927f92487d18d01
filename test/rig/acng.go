package rig

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ACNG is a real apt-cacher-ng on loopback. It belongs to the test's goroutine.
type ACNG struct {
	URL   string
	Cache string // the directory in which it keeps what it fetched

	tb   testing.TB
	conf string // directory
	addr string
	run  *Process
}

// StartACNG runs one until the test ends. remap are its lines "Remap-...: ...".
func StartACNG(tb testing.TB, remap ...string) *ACNG {
	tb.Helper()
	dir := tb.TempDir()
	a := &ACNG{Cache: filepath.Join(dir, "cache"), tb: tb, conf: dir, addr: FreeAddr(tb)}
	a.URL = "http://" + a.addr
	host, port, err := net.SplitHostPort(a.addr)
	if err != nil {
		tb.Fatal(err)
	}
	writeFile(tb, filepath.Join(dir, "acng.conf"), fmt.Sprintf(`ForeGround: 1
BindAddress: %s
Port: %s
CacheDir: %s
LogDir: %s
SocketPath: %s
SupportDir: /usr/lib/apt-cacher-ng
AllowUserPorts: 0
%s
`, host, port, a.Cache, filepath.Join(dir, "log"), filepath.Join(dir, "socket"), strings.Join(remap, "\n")))
	a.Start()
	return a
}

// Start runs it, again on its old address and cache where it was stopped.
func (a *ACNG) Start() {
	a.tb.Helper()
	a.run = StartProcess(a.tb, exec.Command("apt-cacher-ng", "-c", a.conf), listens(a.addr))
}

// Stop ends it.
func (a *ACNG) Stop() { _ = a.run.Stop() } // how it ends is no matter
