package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// engine is a docker daemon of the test's own: nothing of it touches the
// machine's docker, if there is one.
type engine struct {
	t    *testing.T
	dir  string
	host string // unix://SOCKET
}

// TestDockerImage builds the image with the real engine, starts it as the README
// says, and waits until its own health check calls it healthy.
func TestDockerImage(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		fmt.Println("DIDNOTRUN: the docker engine needs root on Linux")
		return
	}
	e := startEngine(t)
	buildContext := filepath.Join(e.dir, "image")
	if out, err := exec.Command(filepath.Join("..", "..", "scripts", "image.sh"), buildContext).CombinedOutput(); err != nil {
		t.Fatalf("scripts/image.sh: %v\n%s", err, out)
	}
	e.docker("build", "-q", "-t", "mirrord", buildContext)
	// Its own loopback is all that the container needs for this.
	id := e.docker("run", "-d", "--network=none", "--read-only", "--cap-drop=ALL", "--health-interval=500ms", "mirrord")
	t.Cleanup(func() { e.docker("rm", "-f", "-v", id) })

	e.waitFor(id, "{{.State.Health.Status}}", "healthy")
	if user := e.docker("inspect", "-f", "{{.Config.User}}", id); user != "65532:65532" {
		t.Errorf("the image runs as %q, want 65532:65532", user)
	}
	if volumes := e.docker("inspect", "-f", "{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}", id); volumes != "volume /var/lib/mirrord" {
		t.Errorf("mounts: %q, want a volume at /var/lib/mirrord", volumes)
	}
	e.docker("stop", "-t", "20", id)
	if code := e.docker("inspect", "-f", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("docker stop: exit code %s, want 0\n%s", code, e.logs(id))
	}
}

// startEngine starts Debian's dockerd by hand, without network and storage
// drivers that need more of the kernel than a test may ask for.
func startEngine(t *testing.T) *engine {
	t.Helper()
	dockerd, err := exec.LookPath("dockerd")
	if err != nil {
		t.Fatalf("%v; scripts/deps.sh installs it", err)
	}
	dir, err := os.MkdirTemp("", "docker") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	e := &engine{t: t, dir: dir, host: "unix://" + filepath.Join(dir, "sock")}
	config := filepath.Join(dir, "daemon.json") // in place of the machine's
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	daemon := exec.Command(dockerd, "--config-file", config, "--host", e.host,
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs")
	daemon.Stdout, daemon.Stderr = &log, &log
	daemon.WaitDelay = 5 * time.Second
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- daemon.Wait() }()
	t.Cleanup(func() { stopEngine(daemon, done) })
	e.waitReady(done, &log)
	return e
}

// stopEngine asks first: dockerd then stops its own containerd.
func stopEngine(daemon *exec.Cmd, done <-chan error) {
	daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		daemon.Process.Kill()
		<-done
	}
}

func (e *engine) waitReady(done chan error, log *bytes.Buffer) {
	e.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if _, err := e.try("version"); err == nil {
			return
		}
		select {
		case err := <-done:
			done <- err
			e.t.Fatalf("dockerd ended: %v\n%s", err, log)
		case <-time.After(200 * time.Millisecond):
		}
	}
	e.t.Fatal("dockerd does not answer after a minute")
}

// try runs the docker client against this engine; it answers what was printed.
func (e *engine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	// The classic builder is in the engine; the newer one is a plugin that may be absent.
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.host, "DOCKER_CONFIG="+e.dir, "DOCKER_BUILDKIT=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out)), err
}

func (e *engine) docker(args ...string) string {
	e.t.Helper()
	out, err := e.try(args...)
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

func (e *engine) waitFor(id, format, want string) {
	e.t.Helper()
	got := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got = e.docker("inspect", "-f", format, id); got == want {
			return
		}
		if e.docker("inspect", "-f", "{{.State.Running}}", id) != "true" {
			break
		}
	}
	e.t.Fatalf("%s is %q, want %q\n%s", format, got, want, e.logs(id))
}

// logs are what the container wrote on both of its outputs.
func (e *engine) logs(id string) string {
	cmd := exec.Command("docker", "logs", id)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.host, "DOCKER_CONFIG="+e.dir)
	out, _ := cmd.CombinedOutput()
	return string(out)
}
