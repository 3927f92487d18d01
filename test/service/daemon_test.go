package service

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/test/rig"
)

// daemon is a mirrord as a supervisor has it: with an environment and descriptors of
// the test's, and replaced by another process when it is told to.
type daemon struct {
	t    *testing.T
	addr string // host:port of the plain listener
	data string
	file string // the configuration
	log  string // file with all that it and its successors said
	pid  int    // of the one that has the data directory
	all  []int  // of all that were started, ended or not
	cmd  *exec.Cmd
}

// launch is how a daemon is started. wrap, where there is one, is a command that ends by
// running the one behind it.
type launch struct {
	config string // YAML, without data_dir and listen
	data   string // directory; "" = one of its own
	listen string // flag; "" = none
	env    []string
	files  []*os.File
	wrap   []string
}

// startDaemon starts one; it may not be ready yet.
func startDaemon(t *testing.T, l launch) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{t: t, addr: l.listen, data: cmp.Or(l.data, filepath.Join(dir, "data")), file: filepath.Join(dir, "mirrord.yaml"), log: filepath.Join(dir, "log")}
	d.configure(l.config)
	args := append(l.wrap, rig.Build(t), "serve", "--config", d.file)
	if l.listen != "" {
		args = append(args, "--listen", l.listen)
	}
	d.cmd = exec.Command(args[0], args[1:]...)
	out, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	d.cmd.Stdout, d.cmd.Stderr = out, out // a file: nobody waits for the end of a pipe
	d.cmd.Env, d.cmd.ExtraFiles = append(os.Environ(), l.env...), l.files
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.pid = d.cmd.Process.Pid
	d.all = []int{d.pid}
	t.Cleanup(func() {
		for _, pid := range d.all {
			syscall.Kill(pid, syscall.SIGKILL)
			syscall.Wait4(pid, nil, 0, nil)
		}
		if t.Failed() {
			t.Logf("log:\n%s", d.said())
		}
	})
	return d
}

// configure writes the configuration anew.
func (d *daemon) configure(text string) {
	d.t.Helper()
	if err := os.WriteFile(d.file, []byte(fmt.Sprintf("data_dir: %s\ncache: {min_free: 0}\n%s", d.data, text)), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) said() string {
	text, _ := os.ReadFile(d.log)
	return string(text)
}

func (d *daemon) url(path string) string { return "http://" + d.addr + path }

// answers waits until it does.
func (d *daemon) answers() *daemon {
	d.t.Helper()
	eventually(d.t, "an answer", func() bool { return rig.Get(d.url("/healthz")).Status == http.StatusOK })
	return d
}

func (d *daemon) signal(sig syscall.Signal) {
	d.t.Helper()
	if err := syscall.Kill(d.pid, sig); err != nil {
		d.t.Fatal(err)
	}
}

var takenOver = regexp.MustCompile(`another mirrord has taken over" pid=(\d+) pause=(\S+)`)

// restart has another process take over, and gives how long nobody was answered, as the
// old one says.
func (d *daemon) restart() time.Duration {
	d.t.Helper()
	had := len(takenOver.FindAllString(d.said(), -1))
	d.signal(syscall.SIGUSR2)
	var found [][]string
	eventually(d.t, "another process", func() bool {
		found = takenOver.FindAllStringSubmatch(d.said(), -1)
		return len(found) > had
	})
	pid, err := strconv.Atoi(found[had][1])
	if err != nil {
		d.t.Fatal(err)
	}
	pause, err := time.ParseDuration(found[had][2])
	if err != nil {
		d.t.Fatal(err)
	}
	d.pid = pid
	d.all = append(d.all, pid)
	return pause
}

// What ended gives where there is no exit code.
const (
	killed = -1 // by a signal
	reaped = -2 // its own parent was there to take its exit code
)

// ended waits for the end of a process and gives its exit code. The test is the parent of
// all whose parent is gone.
func (d *daemon) ended(pid int) int {
	d.t.Helper()
	var status syscall.WaitStatus
	gone := false
	eventually(d.t, fmt.Sprintf("the end of process %d", pid), func() bool {
		got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		gone = errors.Is(err, syscall.ECHILD) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
		return got == pid || gone
	})
	switch {
	case gone:
		return reaped
	case status.Exited():
		return status.ExitStatus()
	}
	return killed
}

// stop ends the one that serves, which must exit with 0.
func (d *daemon) stop() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if code := d.ended(d.pid); code != 0 {
		d.t.Errorf("exit code %d", code)
	}
}

// fsck fails the test unless all that is stored is right.
func (d *daemon) fsck() {
	d.t.Helper()
	if code, out := run(d.t, "fsck", "--data", d.data); code != 0 || !strings.Contains(out, ": 0 problems") {
		d.t.Errorf("fsck: exit %d, %s", code, out)
	}
}

// socket is a listening one, and its descriptor to be passed on.
func socket(t *testing.T) (addr string, f *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err = l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	t.Cleanup(func() { f.Close() })
	return l.Addr().String(), f
}
