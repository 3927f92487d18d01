// Package memory tests that mirrord's memory does not grow with what it holds: not
// with clients, not with the size of an object, not with the number of objects.
package memory

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// status is a field of /proc/PID/status in bytes: VmRSS is what is resident now,
// VmHWM the most that ever was (proc_pid_status(5)).
func status(t *testing.T, pid int, field string) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if name == field {
			kb, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("no %s in /proc/%d/status", field, pid)
	return 0
}

// measurable reports whether the system tells the memory of a process.
func measurable(t *testing.T) bool {
	if runtime.GOOS == "linux" {
		return true
	}
	fmt.Printf("DIDNOTRUN: %s: resident sets are read from Linux's /proc\n", t.Name())
	return false
}
