package rig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Config of one mirrord.
type Config struct {
	Repos string // YAML: the list under "repos:", one "- {...}" a line, indented or not
	Data  string // data directory; "" makes one that goes with the test
	Extra string // YAML: further top-level keys
	Addr  string // host:port to listen on; "" finds one
}

// Mirrord is a running mirrord, or one that was stopped. It belongs to the
// test's goroutine, but for URL, Log and PID.
type Mirrord struct {
	Data   string // its data directory
	Config string // its configuration file

	tb   testing.TB
	bin  string
	addr string
	log  *logBuffer

	cmd  *exec.Cmd
	done chan error // what Wait said, once
}

const (
	// readyFor and stopFor are generous: mirrord is ready in milliseconds and
	// drains for 10 s at most here, but machines of CI stall.
	readyFor = 30 * time.Second
	stopFor  = 30 * time.Second
	// Ports below the range from which Linux takes those of outgoing connections
	// (32768, ip_local_port_range), so that one stays free over a Restart.
	portFirst, portEnd = 20000, 32000
)

// Start runs `mirrord serve` and returns when it answers. At the test's end it
// must stop in good order.
func Start(tb testing.TB, o Config) *Mirrord {
	tb.Helper()
	m := &Mirrord{Data: o.Data, tb: tb, bin: Build(tb), log: new(logBuffer)}
	if m.Data == "" {
		m.Data = filepath.Join(tb.TempDir(), "data")
	}
	m.Config = filepath.Join(tb.TempDir(), "mirrord.yaml")
	if err := os.WriteFile(m.Config, []byte(o.text(m.Data)), 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		m.Stop()
		if tb.Failed() {
			tb.Logf("end of mirrord's log:\n%s", m.log.tail(40))
		}
	})
	for try := range 5 {
		m.addr = cmp.Or(o.Addr, FreeAddr(tb))
		if m.start() == nil {
			return m
		}
		if try == 4 || !strings.Contains(m.Log(), "cannot listen on") { // another process may have taken the port
			break
		}
	}
	tb.Fatalf("mirrord does not start:\n%s", m.log.tail(40))
	return nil
}

func (o Config) text(data string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "data_dir: %s\n", data)
	if !strings.Contains("\n"+o.Extra, "\ncache:") {
		b.WriteString("cache: {min_free: 0}\n") // test machines may be short of disk
	}
	if !strings.Contains("\n"+o.Extra, "\ndrain:") {
		b.WriteString("drain: 10s\n")
	}
	b.WriteString(strings.TrimSuffix(o.Extra, "\n") + "\nrepos:\n")
	for line := range strings.Lines(o.Repos) {
		b.WriteString("  " + line)
	}
	return b.String() + "\n"
}

// FreeAddr finds a port that nobody listens on.
func FreeAddr(tb testing.TB) string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", portFirst+rand.IntN(portEnd-portFirst))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	tb.Fatal("no free port")
	return ""
}

// start runs the process and waits until it answers, or says that it ended.
func (m *Mirrord) start() error {
	m.cmd = exec.Command(m.bin, "serve", "--config", m.Config, "--listen", m.addr)
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	m.cmd.SysProcAttr = dieWithParent()
	if err := m.cmd.Start(); err != nil {
		return err
	}
	cmd, done := m.cmd, make(chan error, 1)
	m.done = done
	go func() { done <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), readyFor)
	defer cancel()
	for {
		if healthy(ctx, m.URL("healthz")) {
			return nil
		}
		select {
		case err := <-done:
			m.cmd = nil
			return fmt.Errorf("mirrord ended: %w", errors.Join(err, errors.New(m.log.tail(1))))
		case <-ctx.Done():
			m.end(syscall.SIGKILL)
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func healthy(ctx context.Context, url string) bool {
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	req.Close = true // no idle connection to a process that may be killed
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

// URL is the address of a path; parts are joined by slashes as they are.
func (m *Mirrord) URL(parts ...string) string {
	return "http://" + m.addr + "/" + strings.TrimPrefix(strings.Join(parts, "/"), "/")
}

// Addr is host:port.
func (m *Mirrord) Addr() string { return m.addr }

// PID of the running process, 0 when there is none.
func (m *Mirrord) PID() int {
	if m.cmd == nil {
		return 0
	}
	return m.cmd.Process.Pid
}

// Log is all that was written to standard output and error.
func (m *Mirrord) Log() string { return m.log.String() }

// Stop ends mirrord by SIGTERM and fails the test where its exit code is not 0.
// It is harmless where none runs.
func (m *Mirrord) Stop() {
	m.tb.Helper()
	if m.cmd == nil {
		return
	}
	if err := m.end(syscall.SIGTERM); err != nil {
		m.tb.Errorf("mirrord ended badly: %v", err)
	}
}

// Kill ends mirrord by SIGKILL.
func (m *Mirrord) Kill() {
	if m.cmd != nil {
		_ = m.end(syscall.SIGKILL) // "signal: killed" is what was wanted
	}
}

// Ends waits for it to end by itself, and gives its exit code.
func (m *Mirrord) Ends() int {
	m.tb.Helper()
	cmd := m.cmd
	m.cmd = nil
	select {
	case <-m.done:
	case <-time.After(stopFor):
		_ = cmd.Process.Kill()
		<-m.done
		m.tb.Errorf("mirrord did not end by itself within %v", stopFor)
	}
	return cmd.ProcessState.ExitCode()
}

// end sends the signal and waits for the end.
func (m *Mirrord) end(sig syscall.Signal) error {
	cmd := m.cmd
	m.cmd = nil
	_ = cmd.Process.Signal(sig) // fails where it ended by itself; Wait tells how
	select {
	case err := <-m.done:
		return err
	case <-time.After(stopFor):
		_ = cmd.Process.Kill()
		<-m.done
		return fmt.Errorf("did not end within %v of %v", stopFor, sig)
	}
}

// Restart starts it again, on the same address and data; one that still runs is
// stopped first.
func (m *Mirrord) Restart() {
	m.tb.Helper()
	m.Stop()
	if err := m.start(); err != nil {
		m.tb.Fatalf("mirrord does not start again: %v", err)
	}
}

// Fsck stops mirrord where it runs, and fails the test unless all that is stored
// is right.
func (m *Mirrord) Fsck(tb testing.TB) {
	tb.Helper()
	m.Stop()
	out, err := exec.Command(m.bin, "fsck", "--data", m.Data).CombinedOutput()
	if err != nil || !strings.Contains(string(out), ": 0 problems") {
		tb.Errorf("fsck: %v\n%s", err, out)
	}
}

// logBuffer takes what two pipes write and gives it while they go on.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Command runs a subcommand of mirrord with this one's configuration, and gives what
// it printed and whether it succeeded.
func (m *Mirrord) Command(args ...string) (out string, err error) {
	cmd := exec.CommandContext(m.tb.Context(), m.bin, append(args, "--config", m.Config)...)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// Offline has it ask no upstream from its next start on.
func (m *Mirrord) Offline() {
	m.tb.Helper()
	text, err := os.ReadFile(m.Config)
	if err == nil {
		err = os.WriteFile(m.Config, append([]byte("offline: true\n"), text...), 0o600)
	}
	if err != nil {
		m.tb.Fatal(err)
	}
}
