package rig

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// AptRuns tells whether apt, dpkg and nginx can be run as these tests do. Where
// they cannot, it says so in the form that scripts/testsummary counts, and the
// test returns.
func AptRuns() bool {
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		if _, err := exec.LookPath("apt-get"); err == nil {
			return true
		}
	}
	fmt.Println("DIDNOTRUN: apt with a root of its own needs root on Debian or one of its kin")
	return false
}

// run runs a tool in dir, with more environment, and gives its standard output.
// A tool that fails ends the test.
func run(tb testing.TB, dir string, env []string, name string, args ...string) []byte {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), name, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	cmd.Env = append(plainEnv(), env...)
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, errs.Bytes(), out.Bytes())
	}
	return out.Bytes()
}

// plainEnv is the environment without what bends apt and dpkg: the language of
// their messages, proxies, the configuration and sources of the machine's user.
func plainEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(kv), "=")
		if strings.HasSuffix(name, "_PROXY") || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "DPKG_") ||
			strings.HasPrefix(name, "DEB") || name == "LANG" || name == "LANGUAGE" || name == "APT_CONFIG" {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
}
