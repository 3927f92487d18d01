package rig

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Nginx is a real nginx on loopback that serves a directory: the upstream of the
// tests. It belongs to the test's goroutine.
type Nginx struct {
	Root string // the directory it serves
	URL  string // of Root, no slash at the end
	// Secure is the same by TLS, "" where there is none.
	Secure string

	tb    testing.TB
	dir   string // configuration, logs and scratch files
	addr  string
	space string // the network namespace that it runs in, "" for the machine's
	cmd   *exec.Cmd
	extra string     // directives of its server
	done  chan error // what Wait said, once
	marks int        // marker requests made so far
	from  int        // hits that Reset has put aside
}

// Hit is a request that nginx answered.
type Hit struct {
	Method string
	Path   string // decoded, relative to Root, no slash before it
	Status int
	Bytes  int64 // of the body, as sent
}

func (h Hit) String() string {
	return fmt.Sprintf("%s %s %d (%d bytes)", h.Method, h.Path, h.Status, h.Bytes)
}

// nginxTemp finds the scratch directories that this nginx was built with, each of
// which it makes at start unless told of another.
var nginxTemp = regexp.MustCompile(`--http-([a-z-]+)-temp-path=`)

// StartNginx serves the directory root until the test ends. extra are directives
// of its server.
func StartNginx(tb testing.TB, root string, extra ...string) *Nginx {
	tb.Helper()
	n := &Nginx{Root: root, extra: strings.Join(extra, " "), tb: tb, addr: FreeAddr(tb)}
	n.begin()
	return n
}

// StartNginxOn is StartNginx at the far end of a link.
func StartNginxOn(tb testing.TB, l *Link, root string) *Nginx {
	tb.Helper()
	n := &Nginx{Root: root, tb: tb, addr: l.Addr, space: l.name}
	n.begin()
	return n
}

func (n *Nginx) begin() {
	n.tb.Helper()
	n.dir, n.URL = n.tb.TempDir(), "http://"+n.addr
	built, err := exec.Command("nginx", "-V").CombinedOutput()
	if err != nil {
		n.tb.Fatalf("nginx -V: %v\n%s", err, built)
	}
	if err := os.WriteFile(n.file("nginx.conf"), []byte(n.config(string(built))), 0o600); err != nil {
		n.tb.Fatal(err)
	}
	n.tb.Cleanup(n.Stop)
	n.Start()
}

func (n *Nginx) file(name string) string { return filepath.Join(n.dir, name) }

// config is of one process: it logs an answer before it reads the next request,
// so a marker request tells that all answers before it are in the log.
func (n *Nginx) config(built string) string {
	var temp strings.Builder
	for _, m := range nginxTemp.FindAllStringSubmatch(built, -1) {
		fmt.Fprintf(&temp, "  %s_temp_path %s;\n", strings.ReplaceAll(m[1], "-", "_"), n.file(m[1]))
	}
	return fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log error;
events { worker_connections 512; }
http {
  log_format hits "$request_method\t$request_uri\t$status\t$body_bytes_sent";
  access_log %[1]s/access.log hits;
  default_type application/octet-stream;
%[2]s  server {
    listen %[3]s;
    root %[4]s;
    %[5]s
  }
}
`, n.dir, temp.String(), n.addr, n.Root, n.extra)
}

// Start runs nginx, again on its old address where it was stopped, and returns
// when it listens.
func (n *Nginx) Start() {
	n.tb.Helper()
	args := []string{"nginx", "-p", n.dir, "-c", n.file("nginx.conf"), "-e", n.file("error.log")}
	if n.space != "" {
		args = append([]string{"ip", "netns", "exec", n.space}, args...) // which becomes nginx
	}
	cmd := exec.Command(args[0], args[1:]...)
	said := new(logBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		n.tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	n.cmd, n.done = cmd, done
	for deadline := time.Now().Add(readyFor); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", n.addr); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-done:
			n.cmd = nil
			n.tb.Fatalf("nginx does not start: %v\n%s", err, said.String())
		default:
		}
	}
	n.tb.Fatalf("nginx does not listen on %s\n%s", n.addr, said.String())
}

// Stop ends nginx: connections break, new ones are refused. It is harmless where
// none runs.
func (n *Nginx) Stop() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill() // ended by itself already, at worst
	<-n.done
	n.cmd = nil
}

// Freeze has nginx hang: connections are taken by the kernel and nothing answers.
func (n *Nginx) Freeze() { n.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (n *Nginx) Thaw() { n.signal(syscall.SIGCONT) }

func (n *Nginx) signal(sig syscall.Signal) {
	n.tb.Helper()
	if err := n.cmd.Process.Signal(sig); err != nil {
		n.tb.Fatalf("nginx: %v: %v", sig, err)
	}
}

// Reset puts aside what was logged so far.
func (n *Nginx) Reset() { n.from += len(n.Hits()) }

// Hits are the requests answered since the last Reset, in order.
func (n *Nginx) Hits() []Hit {
	n.tb.Helper()
	if n.cmd != nil {
		n.mark()
	}
	f, err := os.Open(n.file("access.log"))
	if err != nil {
		n.tb.Fatal(err)
	}
	defer f.Close()
	var hits []Hit
	for s := bufio.NewScanner(f); s.Scan(); {
		if h, ok := parseHit(s.Text()); !ok {
			n.tb.Fatalf("nginx logged %q", s.Text())
		} else if !strings.HasPrefix(h.Path, marker) {
			hits = append(hits, h)
		}
	}
	return hits[n.from:]
}

// marker begins the paths of marker requests.
const marker = ".mark-"

// mark makes a request and returns when it is in the log.
func (n *Nginx) mark() {
	n.tb.Helper()
	n.marks++
	path := fmt.Sprintf("/%s%d", marker, n.marks)
	resp, err := http.Get(n.URL + path)
	if err != nil {
		n.tb.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	for deadline := time.Now().Add(readyFor); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if text, _ := os.ReadFile(n.file("access.log")); strings.Contains(string(text), "\t"+path+"\t") {
			return
		}
	}
	n.tb.Fatalf("nginx did not log %s", path)
}

func parseHit(line string) (Hit, bool) {
	f := strings.Split(line, "\t")
	if len(f) != 4 {
		return Hit{}, false
	}
	path, err := url.PathUnescape(strings.TrimPrefix(f[1], "/"))
	status, serr := strconv.Atoi(f[2])
	size, berr := strconv.ParseInt(f[3], 10, 64)
	return Hit{Method: f[0], Path: path, Status: status, Bytes: size}, err == nil && serr == nil && berr == nil
}
