package apt_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// reachFor is how long the machine's mirror may take to show that there is a way
// to it.
const reachFor = 20 * time.Second

// TestMachinesOwnMirror does what the README tells a newcomer to do: a
// configuration from the machine's own sources, a check of it, a server on it,
// the sources rewritten (a copy of them), and a package through it.
func TestMachinesOwnMirror(t *testing.T) {
	if !rig.AptRuns() || !machinesMirror(t) {
		return
	}
	m := rig.Start(t, rig.Config{Repos: `- {name: none, type: generic, upstreams: ["http://127.0.0.1:9"]}`})
	etc, config := copyOfEtcApt(t), filepath.Join(t.TempDir(), "mirrord.yaml")
	mirrord := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), rig.Build(t), args...).CombinedOutput()
		if err != nil {
			t.Fatalf("mirrord %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	mirrord("init", "--listen", m.Addr(), "--data", m.Data, "--output", config)
	mirrord("check-config", "--config", config)
	m.Stop()
	m.Config = config
	m.Restart()
	mirrord("client", "apt", "--config", config, "--apt-dir", etc, "--apply")

	first := machinesApt(t, etc)
	first.Must("update")
	uri := strings.Trim(strings.Fields(first.Must("download", "--print-uris", "hello"))[0], "'")
	if !strings.HasPrefix(uri, m.URL()) {
		t.Fatalf("apt gets hello from %s, want it from %s", uri, m.URL())
	}
	first.Must("download", "hello") // apt compares it with the signed index
	deb, err := filepath.Glob(first.File("work/hello_*.deb"))
	if err != nil || len(deb) != 1 {
		t.Fatalf("apt-get download left %v, %v", deb, err)
	}
	r := rig.Get(uri)
	want(t, "hello again", r, first.Work(filepath.Base(deb[0])))
	if !r.Hit() {
		t.Errorf("hello again: %s, want it from the store", r.How())
	}

	second := machinesApt(t, etc)
	second.Must("update")
	second.Must("download", "hello")
	mirrord("client", "apt", "--config", config, "--apt-dir", etc, "--revert")
	sameFiles(t, "/etc/apt/sources.list.d", filepath.Join(etc, "sources.list.d"))
	m.Fsck(t)
}

// machinesMirror tells whether the first mirror of the machine's sources answers.
func machinesMirror(t *testing.T) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "apt-get", "indextargets",
		"--format", "$(URI) $(METAKEY)", "Created-By: Packages").Output()
	if err != nil {
		t.Fatalf("apt-get indextargets: %v", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	uri, key, _ := strings.Cut(line, " ")
	if !strings.HasPrefix(uri, "http") {
		fmt.Println("DIDNOTRUN: the machine's apt has no source on the web")
		return false
	}
	client := http.Client{Timeout: reachFor}
	resp, err := client.Head(strings.TrimSuffix(uri, key) + "InRelease")
	if err != nil {
		fmt.Println("DIDNOTRUN: the machine's own mirror cannot be reached:", err)
		return false
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Println("DIDNOTRUN: the machine's own mirror answers", resp.Status)
		return false
	}
	return true
}

// copyOfEtcApt leaves out the hooks, which would run for the machine's own apt.
func copyOfEtcApt(t *testing.T) string {
	t.Helper()
	etc := filepath.Join(t.TempDir(), "apt")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", "/etc/apt", etc).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	parts, err := filepath.Glob(filepath.Join(etc, "apt.conf.d", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err == nil && bytes.Contains(text, []byte("Invoke")) {
			err = os.Remove(part)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return etc
}

// machinesApt is an apt with the machine's configuration from etc, less what it
// need not fetch. The network is not the test's own: what fails is tried again.
func machinesApt(t *testing.T, etc string) *rig.Apt {
	t.Helper()
	return rig.NewApt(t, "", fmt.Sprintf("Dir::Etc %q;\nAcquire::Retries \"3\";\n"+
		"Acquire::Languages { \"none\"; };\nAcquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n", etc))
}

// sameFiles fails the test unless two directories hold the same.
func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "diff", "-r", a, b).CombinedOutput(); err != nil {
		t.Errorf("the sources are not as they were: %v\n%s", err, out)
	}
}
