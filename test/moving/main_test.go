// Package moving_test has the real mirrord take over what real programs left on disk:
//
//	apt ──> apt-cacher-ng ──> nginx          then: mirrord import, and
//	skopeo ──> docker-registry               apt, dnf, skopeo ──> mirrord --offline
//	createrepo_c
//
// and looks at what the clients get, at what upstream was asked for, and at the files.
package moving_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// The packages of most tests. app needs lib.
var (
	app = rig.Package{Name: "app", Version: "1:2.0~rc1+dfsg", Depends: "lib (>= 1.0)", Source: true}
	lib = rig.Package{Name: "lib", Version: "1.0-1", Size: 1 << 20}
)

// idle is a mirrord with that configuration and an empty data directory that does not
// run.
func idle(t *testing.T, repos string) *rig.Mirrord {
	t.Helper()
	m := rig.Start(t, rig.Config{Repos: repos})
	m.Stop()
	return m
}

// must runs a subcommand that has to succeed.
func must(t *testing.T, m *rig.Mirrord, args ...string) string {
	t.Helper()
	out, err := m.Command(args...)
	if err != nil {
		t.Fatalf("mirrord %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// fails runs a subcommand that has to end with that code and one line that says word.
func fails(t *testing.T, m *rig.Mirrord, code int, word string, args ...string) string {
	t.Helper()
	out, err := m.Command(args...)
	line := lastLine(out)
	if exitCode(err) != code || !strings.HasPrefix(line, "mirrord: ") || !strings.Contains(line, word) {
		t.Errorf("mirrord %s: exit %d, expected %d and %q\n%s", strings.Join(args, " "), exitCode(err), code, word, out)
	}
	return out
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func exitCode(err error) int {
	var exit interface{ ExitCode() int }
	switch e := err.(type) {
	case nil:
		return 0
	case interface{ ExitCode() int }:
		exit = e
	default:
		return -1
	}
	return exit.ExitCode()
}

// sum is the line with which an import or export ends, by repository.
type sum struct{ taken, linked, cloned, copied, there, wrong, unreadable, unlisted, unconfirmed int }

var sumLine = regexp.MustCompile(`(?m)^(\S+): (\d+) (?:taken in|written), [\d.]+ .?B(?: \((\d+) linked, (\d+) cloned, (\d+) copied\))?; (\d+) there already, (\d+) wrong, (\d+) unreadable(?:, (\d+) that nobody vouches for)?(?:; (\d+) to be confirmed with upstream)?$`)

// sumOf reads it.
func sumOf(t *testing.T, out, repo string) sum {
	t.Helper()
	for _, m := range sumLine.FindAllStringSubmatch(out, -1) {
		if m[1] != repo {
			continue
		}
		n := make([]int, len(m))
		for i, text := range m[2:] {
			n[i], _ = strconv.Atoi(text) // "" is 0
		}
		return sum{n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]}
	}
	t.Fatalf("no sum of %s in\n%s", repo, out)
	return sum{}
}

// offline starts the mirrord without its upstreams.
func offline(t *testing.T, m *rig.Mirrord) {
	t.Helper()
	m.Offline()
	m.Restart()
}

// stored counts the objects, and of them those that are the same file as another
// directory's; each must be right to its owner.
func stored(t *testing.T, m *rig.Mirrord, others string) (objects, shared int) {
	t.Helper()
	inodes := map[uint64]bool{}
	walk(t, others, func(_ string, st *syscall.Stat_t) { inodes[st.Ino] = true })
	walk(t, filepath.Join(m.Data, "blobs"), func(path string, st *syscall.Stat_t) {
		objects++
		if inodes[st.Ino] {
			shared++
		}
		if st.Mode&0o777 != 0o440 || int(st.Uid) != os.Geteuid() {
			t.Errorf("%s has mode %o and is of user %d", path, st.Mode&0o777, st.Uid)
		}
	})
	return objects, shared
}

func walk(t *testing.T, dir string, fn func(path string, st *syscall.Stat_t)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fn(path, info.Sys().(*syscall.Stat_t))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// installs has a new apt install app and what it needs.
func installs(t *testing.T, c *rig.Apt) {
	t.Helper()
	c.Must("update")
	c.Must("install", "app")
	for _, p := range []rig.Package{app, lib} {
		if got := c.Installed(p); got != p.Version {
			t.Errorf("%s: version %q is installed, want %q", p.Name, got, p.Version)
		}
	}
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// aptRepo is the configuration of one apt repository.
func aptRepo(name, url string) string {
	return fmt.Sprintf("- {name: %s, type: apt, fresh: 1s, upstreams: [%q]}\n", name, url)
}

func execute(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err
}
