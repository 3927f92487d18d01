package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// TestRotatedAccessLog: while clients ask, the file is moved away and SIGUSR1 sent, as
// logrotate does. Every request has its line, in one file or another.
func TestRotatedAccessLog(t *testing.T) {
	up := faulty.New(t)
	up.Set("/f", rig.Content(1, 4000))
	path := filepath.Join(t.TempDir(), "access.log")
	m := rig.Start(t, rig.Config{Repos: repo(up), Extra: fmt.Sprintf("access_log: {file: %s, format: json}\n", path)})
	const clients, each = 4, 300
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			client := rig.NewClient(true)
			for n := range each {
				if r := rig.Do(client, http.MethodGet, m.URL("r/f"), "User-Agent", fmt.Sprintf("client-%d-%d", c, n)); r.Err != nil || r.Status != 200 {
					t.Errorf("%s", r.How())
				}
			}
		})
	}
	for n := range 3 {
		time.Sleep(30 * time.Millisecond)
		eventually(t, "a file to rotate", func() bool { _, err := os.Stat(path); return err == nil })
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, n)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(m.PID(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the note in the log", func() bool { return strings.Count(m.Log(), "access log reopened") == n+1 })
	}
	wg.Wait()
	m.Stop()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	agents, hits := map[string]int{}, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := json.NewDecoder(bytes.NewReader(text))
		for {
			var e struct {
				Agent string `json:"user_agent"`
				Cache string
				Bytes int
			}
			if err := lines.Decode(&e); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if !strings.HasPrefix(e.Agent, "client-") {
				continue // the health check's
			}
			agents[e.Agent]++
			if e.Cache == "hit" {
				hits++
			}
			if e.Bytes != 4000 {
				t.Errorf("%+v", e)
			}
		}
	}
	for agent, n := range agents {
		if n != 1 {
			t.Errorf("%d lines for %s", n, agent)
		}
	}
	if len(agents) != clients*each || hits < clients*(each-1) {
		t.Errorf("lines for %d of %d requests, %d hits", len(agents), clients*each, hits)
	}
}

// TestLogFormats: JSON is a line each, and what level is asked for.
func TestLogFormats(t *testing.T) {
	up := faulty.New(t)
	m := rig.Start(t, rig.Config{Repos: repo(up), Extra: "log: {format: json}\naccess_log: {file: stdout, format: json}\n"})
	m.Stop()
	for _, line := range strings.Split(strings.TrimSpace(m.Log()), "\n") {
		var any map[string]any
		if err := json.Unmarshal([]byte(line), &any); err != nil || any["time"] == nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	for _, want := range []string{`"msg":"serving"`, `"uri":"/healthz"`} {
		if !strings.Contains(m.Log(), want) {
			t.Errorf("no line with %s:\n%s", want, m.Log())
		}
	}
	quiet := rig.Start(t, rig.Config{Repos: repo(up), Extra: "log: {format: json, level: error}\n"})
	quiet.Stop()
	if quiet.Log() != "" {
		t.Errorf("at level error: %s", quiet.Log())
	}
}

// TestUSR1WithoutAccessLog does not end mirrord.
func TestUSR1WithoutAccessLog(t *testing.T) {
	up := faulty.New(t)
	m := rig.Start(t, rig.Config{Repos: repo(up)})
	if err := syscall.Kill(m.PID(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if r := rig.Get(m.URL("healthz")); r.Status != http.StatusOK {
		t.Error(r.How())
	}
}
