// Package service tests mirrord as what keeps it running sees it: certificates that
// are renewed, logs that are rotated, systemd's sockets and notices, and restarts that
// no client notices.
package service

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

func TestMain(m *testing.M) {
	// A process whose parent has ended is this one's then, and its exit code too.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	rig.Main(m)
}

// repo is the one repository that these tests serve.
func repo(up *faulty.Server) string {
	return fmt.Sprintf("- {name: r, type: generic, upstreams: [%q], fresh: 1h}\n", up.URL)
}

// run runs mirrord to its end.
func run(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, rig.Build(t), args...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// eventually waits until ok, and fails the test where that does not come.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after 20 s: %s", what)
		}
	}
}
