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
	"time"
)

// Apt is an apt with a root of its own: nothing of it touches the machine's apt
// and dpkg, nor takes anything from their configuration.
type Apt struct {
	Root string

	tb testing.TB
}

// aptFor bounds one run of apt, so that a test that hangs says where.
const aptFor = 2 * time.Minute

// aptConf makes apt strict: it takes no failure for a warning, and tries nothing
// again. Contents is among the indexes that it gets, as apt-file has it.
const aptConf = `Dir "%[1]s";
Dir::State::status "%[1]s/var/lib/dpkg/status";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::solvers:: "/usr/lib/apt/solvers";
Dir::Bin::planners:: "/usr/lib/apt/planners";
Dir::Bin::dpkg "/usr/bin/dpkg";
DPkg::Options { "--root=%[1]s"; "--force-script-chrootless"; };
DPkg::Use-Pty "false";
APT::Sandbox::User "root";
APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Install-Recommends "false";
APT::Get::Assume-Yes "true";
APT::Update::Error-Mode "any";
Acquire::Retries "0";
Acquire::http::Proxy::127.0.0.1 "DIRECT";
Acquire::Languages { "en"; };
Acquire::PDiffs "true";
Acquire::IndexTargets::deb::Contents-deb {
  MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)";
  ShortDescription "Contents-$(ARCHITECTURE)";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents";
};
`

// NewApt makes a client with the given sources.list and lines of apt.conf.
func NewApt(tb testing.TB, list, conf string) *Apt {
	tb.Helper()
	a := &Apt{Root: tb.TempDir(), tb: tb}
	for _, dir := range []string{
		"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d",
		"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt",
		"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "work",
	} {
		if err := os.MkdirAll(filepath.Join(a.Root, dir), 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	arch := strings.TrimSpace(string(run(tb, "", nil, "dpkg", "--print-architecture")))
	writeFile(tb, a.File("var/lib/dpkg/status"), "")
	writeFile(tb, a.File("etc/apt/sources.list"), list)
	writeFile(tb, a.File("apt.conf"), fmt.Sprintf(aptConf, a.Root, arch)+conf)
	return a
}

// File is the path of a file below the client's root.
func (a *Apt) File(name string) string { return filepath.Join(a.Root, name) }

// Must runs apt-get, gives what it printed, and fails the test where it fails.
func (a *Apt) Must(args ...string) string {
	a.tb.Helper()
	out, err := a.Get(args...)
	if err != nil {
		a.tb.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Get runs apt-get in the directory "work" and gives all that it printed.
func (a *Apt) Get(args ...string) (string, error) { return a.tool("apt-get", args...) }

// Cache runs apt-cache.
func (a *Apt) Cache(args ...string) string {
	a.tb.Helper()
	out, err := a.tool("apt-cache", args...)
	if err != nil {
		a.tb.Fatalf("apt-cache %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (a *Apt) tool(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(a.tb.Context(), aptFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = a.File("work"), &out, &out
	// APT_CONFIG is read before everything else, and moves all else away.
	cmd.Env = append(plainEnv(), "APT_CONFIG="+a.File("apt.conf"))
	err := cmd.Run()
	return out.String(), err
}

// Installed is the version that the package's own file tells, "" where there is
// none.
func (a *Apt) Installed(p Package) string {
	data, err := os.ReadFile(a.File(p.Payload()))
	if err != nil {
		return ""
	}
	return string(data)
}

// Work is the bytes of a file that was downloaded.
func (a *Apt) Work(name string) []byte {
	a.tb.Helper()
	data, err := os.ReadFile(a.File("work/" + name))
	if err != nil {
		a.tb.Fatal(err)
	}
	return data
}
