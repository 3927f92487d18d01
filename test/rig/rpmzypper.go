package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Zypper is a zypper with a root of its own, as Dnf is.
type Zypper struct {
	Root string // what it installs into

	tb  testing.TB
	dir string // its configuration
}

// ZypperRuns is DnfRuns for zypper.
func ZypperRuns(tb testing.TB) bool {
	if !DnfRuns(tb) {
		return false
	}
	if _, err := exec.LookPath("zypper"); err != nil {
		fmt.Printf("DIDNOTRUN: %s: no zypper\n", tb.Name())
		return false
	}
	return true
}

// NewZypper makes a client of the one repository that source tells of, such as
// "baseurl=http://..."; keys are further lines of its section.
func NewZypper(tb testing.TB, source string, keys ...string) *Zypper {
	tb.Helper()
	z := &Zypper{Root: tb.TempDir(), tb: tb, dir: tb.TempDir()}
	for _, dir := range []string{filepath.Join(z.Root, "run"), filepath.Join(z.Root, "var/log"), filepath.Join(z.Root, "var/lib/rpm"), filepath.Join(z.dir, "home")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	writeFile(tb, filepath.Join(z.dir, "zypp.conf"), "[main]\nrepo.refresh.delay = 0\nsolver.onlyRequires = true\n")
	writeFile(tb, filepath.Join(z.Root, "etc/zypp/repos.d/test.repo"),
		"[test]\nname=test\nenabled=1\nautorefresh=1\ntype=rpm-md\n"+source+"\n"+strings.Join(keys, "\n")+"\n")
	return z
}

// Must runs zypper, gives what it printed, and fails the test where it fails.
func (z *Zypper) Must(args ...string) string {
	z.tb.Helper()
	out, err := z.Do(args...)
	if err != nil {
		z.tb.Fatalf("zypper %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Do runs zypper and gives all that it printed.
func (z *Zypper) Do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(z.tb.Context(), dnfFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, "zypper", append([]string{"--root", z.Root, "--non-interactive", "--gpg-auto-import-keys", "--releasever", "40"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(plainEnv(), "HOME="+filepath.Join(z.dir, "home"), "ZYPP_LOGFILE="+filepath.Join(z.dir, "log"), "ZYPP_CONF="+filepath.Join(z.dir, "zypp.conf"))
	err := cmd.Run()
	return out.String(), err
}

// Installed is the version that the package's own file tells, "" where there is
// none.
func (z *Zypper) Installed(p Package) string { return installed(z.Root, p) }
