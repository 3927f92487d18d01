package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// DnfRuns tells whether dnf and the tools that build rpms can be run as these tests
// do. Where they cannot, it says so in the form that scripts/testsummary counts.
func DnfRuns(tb testing.TB) bool {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		fmt.Printf("DIDNOTRUN: %s: dnf with a root of its own needs root on Linux\n", tb.Name())
		return false
	}
	for _, tool := range []string{"dnf", "rpmbuild", "createrepo_c", "nginx", "gpg", "zstd"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Printf("DIDNOTRUN: %s: no %s\n", tb.Name(), tool)
			return false
		}
	}
	return true
}

// Dnf is a dnf with a root of its own: nothing of it touches the machine's rpm, nor
// takes anything from the configuration of either.
type Dnf struct {
	Root string // what it installs into

	tb  testing.TB
	dir string // its configuration
}

// dnfFor bounds one run of dnf, so that a test that hangs says where.
const dnfFor = 2 * time.Minute

// dnfConf makes dnf strict: it tries nothing again and leaves no repository out.
const dnfConf = `[main]
reposdir=%[1]s/repos
varsdir=%[1]s/vars
plugins=0
retries=1
skip_if_unavailable=0
install_weak_deps=0
deltarpm=0
gpgcheck=0
proxy=
`

// NewDnf makes a client of the one repository that it finds at url; keys are further
// lines of the repository's section.
func NewDnf(tb testing.TB, url string, keys ...string) *Dnf {
	tb.Helper()
	return NewDnfFrom(tb, "baseurl="+url, keys...)
}

// NewDnfFrom is NewDnf where the section says in another way where the repository is.
func NewDnfFrom(tb testing.TB, source string, keys ...string) *Dnf {
	tb.Helper()
	d := &Dnf{Root: tb.TempDir(), tb: tb, dir: tb.TempDir()}
	for _, dir := range []string{filepath.Join(d.Root, "var/log"), filepath.Join(d.dir, "vars"), filepath.Join(d.dir, "home")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	writeFile(tb, filepath.Join(d.dir, "dnf.conf"), fmt.Sprintf(dnfConf, d.dir))
	writeFile(tb, filepath.Join(d.dir, "repos/test.repo"), "[test]\nname=test\n"+source+"\n"+strings.Join(keys, "\n")+"\n")
	return d
}

// Must runs dnf, gives what it printed, and fails the test where it fails.
func (d *Dnf) Must(args ...string) string {
	d.tb.Helper()
	out, err := d.Do(args...)
	if err != nil {
		d.tb.Fatalf("dnf %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Do runs dnf and gives all that it printed.
func (d *Dnf) Do(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(d.tb.Context(), dnfFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dnf", append([]string{"-y", "-c", filepath.Join(d.dir, "dnf.conf"), "--installroot=" + d.Root, "--releasever=40"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(plainEnv(), "HOME="+filepath.Join(d.dir, "home")) // .rpmmacros
	err := cmd.Run()
	return out.String(), err
}

// Installed is the version that the package's own file tells, "" where there is
// none.
func (d *Dnf) Installed(p Package) string { return installed(d.Root, p) }

func installed(root string, p Package) string {
	data, err := os.ReadFile(filepath.Join(root, p.Payload()))
	if err != nil {
		return ""
	}
	return string(data)
}

// Metadata is the names of the files below repodata that it fetched last.
func (d *Dnf) Metadata() []string { return d.Cached("repodata/*") }

// Cached is the names of the files that it keeps of the repository, by a pattern.
func (d *Dnf) Cached(pattern string) []string {
	d.tb.Helper()
	files, err := filepath.Glob(filepath.Join(d.Root, "var/cache/dnf/test-*", pattern))
	if err != nil {
		d.tb.Fatal(err)
	}
	for i, file := range files {
		files[i] = filepath.Base(file)
	}
	return files
}
