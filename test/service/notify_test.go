package service

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// manager hears what a service tells systemd.
type manager struct {
	path string

	mu   sync.Mutex
	told []string // one message each; guarded by mu
}

func newManager(t *testing.T) *manager {
	t.Helper()
	m := &manager{path: filepath.Join(t.TempDir(), "notify")}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.told = append(m.told, string(buf[:n]))
			m.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
	return m
}

func (m *manager) env() string { return "NOTIFY_SOCKET=" + m.path }

// heard lists the lines that begin with a word.
func (m *manager) heard(word string) (lines []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.told {
		for _, line := range strings.Split(message, "\n") {
			if strings.HasPrefix(line, word) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// order gives the first words of all lines but the watchdog's.
func (m *manager) order() (words []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.told {
		word, _, _ := strings.Cut(message, "\n")
		if !strings.HasPrefix(word, "WATCHDOG") {
			words = append(words, word)
		}
	}
	return words
}

// TestNotices: systemd hears when mirrord is ready, that it is alive, that another
// process is the main one, and that it stops and how long that may take.
func TestNotices(t *testing.T) {
	up := faulty.New(t)
	m := newManager(t)
	d := startDaemon(t, launch{config: "drain: 7s\nrepos:\n  " + repo(up), listen: rig.FreeAddr(t), env: []string{m.env(), "WATCHDOG_USEC=200000", "WATCHDOG_PID=1"}})
	eventually(t, "READY=1", func() bool { return len(m.heard("READY=1")) == 1 })
	if r := rig.Get(d.url("/readyz")); r.Status != 200 {
		t.Errorf("told to be ready: %s", r.How())
	}
	if n := len(m.heard("WATCHDOG=1")); n > 0 {
		t.Errorf("the watchdog of process 1 is told %d times by another", n)
	}
	d.restart()
	eventually(t, "READY=1 of the other", func() bool { return len(m.heard("READY=1")) == 2 })
	before := len(m.heard("WATCHDOG=1"))
	eventually(t, "the watchdog of the other", func() bool { return len(m.heard("WATCHDOG=1")) > before+3 })
	if code := d.ended(d.all[0]); code != 0 {
		t.Errorf("the old one: exit %d", code)
	}
	d.stop()
	want := []string{"READY=1", "RELOADING=1", fmt.Sprintf("MAINPID=%d", d.pid), "READY=1", "STOPPING=1"}
	if got := m.order(); !slices.Equal(got, want) {
		t.Errorf("told %q, expected %q", got, want)
	}
	if got := m.heard("EXTEND_TIMEOUT_USEC"); len(got) != 2 || got[1] != "EXTEND_TIMEOUT_USEC=22000000" {
		t.Errorf("told %q", got)
	}
	if got := m.heard("MONOTONIC_USEC="); len(got) != 1 {
		t.Errorf("told %q", got)
	}
}

// TestWatchdog is told while all is well.
func TestWatchdog(t *testing.T) {
	up := faulty.New(t)
	m := newManager(t)
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t), env: []string{m.env(), "WATCHDOG_USEC=200000"}})
	eventually(t, "the watchdog", func() bool { return len(m.heard("WATCHDOG=1")) > 3 })
	d.stop()
}

// TestNotReady: a start that fails is not told as one that did not.
func TestNotReady(t *testing.T) {
	up := faulty.New(t)
	m := newManager(t)
	first := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t)}).answers()
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t), env: []string{m.env()}, data: first.data})
	if code := d.ended(d.pid); code != 1 || !strings.Contains(d.said(), "in use by another mirrord") {
		t.Errorf("exit %d", code)
	}
	if got := m.order(); len(got) > 0 {
		t.Errorf("told %q", got)
	}
}
