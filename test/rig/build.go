package rig

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var built struct {
	mu   sync.Mutex
	dir  string          // guarded by mu
	done map[string]bool // by name in dir; guarded by mu
}

// Build makes the mirrord binary, once a test process, and gives its path. It
// goes when Main ends.
func Build(tb testing.TB) string {
	tb.Helper()
	return BuildCommand(tb, "mirrord/cmd/mirrord")
}

// BuildCommand is Build for any command of the module, by import path.
func BuildCommand(tb testing.TB, pkg string) string {
	tb.Helper()
	return buildTool(tb, path.Base(pkg), nil, pkg)
}

// buildFor is BuildCommand for Linux on an architecture; the binary is static.
func buildFor(tb testing.TB, pkg, arch string) string {
	tb.Helper()
	return buildTool(tb, path.Base(pkg)+"-"+arch, []string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0"}, pkg)
}

// InstallTool is Build for a command of another module, as PATH@VERSION. What it
// needs is no concern of this module's go.mod.
func InstallTool(tb testing.TB, pkg string) string {
	tb.Helper()
	at, _, _ := strings.Cut(pkg, "@")
	return buildTool(tb, path.Base(at), nil, pkg)
}

func buildTool(tb testing.TB, name string, env []string, pkg string) string {
	tb.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "mirrord-rig-")
		if err != nil {
			tb.Fatal(err)
		}
		built.dir, built.done = dir, map[string]bool{}
	}
	bin := filepath.Join(built.dir, name)
	if built.done[name] {
		return bin
	}
	cmd := exec.Command("go", "build", "-o", bin, pkg)
	if strings.Contains(pkg, "@") {
		cmd = exec.Command("go", "install", pkg)
		env = append(env, "GOBIN="+built.dir)
	}
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s cannot be built: %v\n%s", pkg, err, out)
	}
	built.done[name] = true
	return bin
}

// Main runs the tests of a package that uses Build, for its TestMain, and
// removes what Build made.
func Main(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // a left-over in the temporary directory is all that can come of it
	}
	os.Exit(code)
}
