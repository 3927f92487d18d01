package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// fails runs mirrord and expects that code and one line with all of the words.
func fails(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Build(t), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	_ = cmd.Run() // the exit code tells
	text := strings.TrimSuffix(stderr.String(), "\n")
	if got := cmd.ProcessState.ExitCode(); got != code || text == "" || strings.Contains(text, "\n") {
		t.Errorf("%v: exit code %d, expected %d and one line; got %q", args, got, code, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%v: %q does not tell %q", args, text, w)
		}
	}
}

// configFile writes a configuration with one repository and more.
func configFile(t *testing.T, data, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mirrord.yaml")
	text := fmt.Sprintf("listen: [\"127.0.0.1:0\"]\ndata_dir: %s\n%srepos:\n  - {name: files, type: generic, upstreams: [\"http://127.0.0.1:9/\"]}\n", data, more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	fails(t, 1, []string{addr, "address already in use"}, "serve", "--config", configFile(t, t.TempDir(), ""), "--listen", addr)
}

func TestDataDirectoryInUse(t *testing.T) {
	m := rig.Start(t, rig.Config{Repos: `- {name: files, type: generic, upstreams: ["http://127.0.0.1:9/"]}`})
	fails(t, 1, []string{m.Data, "in use by another mirrord"}, "serve", "--config", configFile(t, m.Data, ""))
	fails(t, 1, []string{m.Data, "in use by another mirrord"}, "fsck", "--data", m.Data)
	if r := rig.Get(m.URL("healthz")); r.Status != 200 {
		t.Errorf("the first mirrord suffered: %s", r.How())
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir, ok := tmpfs(t, "size=8m")
	if !ok {
		return
	}
	if err := remount(dir, true); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, []string{dir, "read-only file system"}, "serve", "--config", configFile(t, dir, ""))
	if err := remount(dir, false); err != nil {
		t.Fatal(err)
	}
	m := rig.Start(t, rig.Config{Data: dir, Repos: `- {name: files, type: generic, upstreams: ["http://127.0.0.1:9/"]}`})
	m.Stop()
	if err := remount(dir, true); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, []string{dir, "read-only file system"}, "serve", "--config", configFile(t, dir, ""))
}

// TestBadMeta: a meta.db that is not what it should be stops the start with a line
// that says what to do, and doing it brings everything back.
func TestBadMeta(t *testing.T) {
	u := faulty.New(t)
	data := rig.Content(1, 50_000)
	u.Set("/f", data)
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: files, type: generic, upstreams: [%q]}", u.URL)})
	if err := rig.Get(m.URL("files/f")).Right("", data); err != nil {
		t.Fatal(err)
	}
	m.Stop()
	meta := filepath.Join(m.Data, "meta.db")
	good, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, good[:12_288], []byte(strings.Repeat("something else\n", 2000))} {
		if err := os.WriteFile(meta, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, 1, []string{m.Data, "meta.db", "damaged", "fsck --repair"}, "serve", "--config", configFile(t, m.Data, ""))
		fails(t, 1, []string{m.Data, "meta.db", "damaged", "fsck --repair"}, "fsck", "--repair", "--data", m.Data)
	}
	if err := os.Remove(meta); err != nil {
		t.Fatal(err)
	}
	fails(t, 1, []string{m.Data, "meta.db is lost", "fsck --repair"}, "serve", "--config", configFile(t, m.Data, ""))
	fails(t, 1, []string{m.Data, "meta.db is lost", "fsck --repair"}, "fsck", "--data", m.Data)
	out, err := exec.Command(rig.Build(t), "fsck", "--repair", "--data", m.Data).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 problems, 1 repaired") {
		t.Errorf("fsck --repair: %v: %s", err, out)
	}
	m.Fsck(t)
}

func TestBadConfigurations(t *testing.T) {
	dir := t.TempDir()
	for more, words := range map[string][]string{
		"cahce: {max_size: 1GiB}\n":             {"mirrord.yaml:3:", "cahce", "expected"},
		"cache: {max_size: 1 potato}\n":         {"mirrord.yaml:3:", "potato", "expected"},
		"upstream: {header_timeout: 0s}\n":      {"mirrord.yaml:3:", "header_timeout", "expected"},
		"listen: [\"127.0.0.1:0\"]\n":           {"mirrord.yaml:3:", "listen"},
		"admin: {token_file: [1, 2]}\n":         {"mirrord.yaml:3:", "token_file", "expected"},
		"cache: {max_size: 1GiB, min_fre: 0}\n": {"mirrord.yaml:3:", "min_fre", "expected"},
	} {
		fails(t, 2, words, "serve", "--config", configFile(t, dir, more))
	}
	fails(t, 2, []string{"missing.yaml"}, "serve", "--config", filepath.Join(dir, "missing.yaml"))
	fails(t, 2, []string{"--lisen"}, "serve", "--lisen", "127.0.0.1:0")
	fails(t, 2, []string{"serv"}, "serv")
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a refused configuration left %v on disk", left)
	}
}

// tmpfs mounts one for the test; false, and said so, where that cannot be.
func tmpfs(t *testing.T, options string) (dir string, ok bool) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		fmt.Printf("DIDNOTRUN: %s: mounting a file system needs Linux and root\n", t.Name())
		return "", false
	}
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "mirrord-test", dir).CombinedOutput(); err != nil {
		fmt.Printf("DIDNOTRUN: %s: mounting a file system is not allowed here: %s\n", t.Name(), strings.TrimSpace(string(out)))
		return "", false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir, true
}

func remount(dir string, readOnly bool) error {
	how := "remount,rw"
	if readOnly {
		how = "remount,ro"
	}
	out, err := exec.Command("mount", "-o", how, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
