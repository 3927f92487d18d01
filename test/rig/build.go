package rig

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"
)

var built struct {
	mu   sync.Mutex
	dir  string          // guarded by mu
	done map[string]bool // by import path; guarded by mu
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
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "mirrord-rig-")
		if err != nil {
			tb.Fatal(err)
		}
		built.dir, built.done = dir, map[string]bool{}
	}
	bin := filepath.Join(built.dir, path.Base(pkg))
	if !built.done[pkg] {
		if out, err := exec.Command("go", "build", "-o", bin, pkg).CombinedOutput(); err != nil {
			tb.Fatalf("%s cannot be built: %v\n%s", pkg, err, out)
		}
		built.done[pkg] = true
	}
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
