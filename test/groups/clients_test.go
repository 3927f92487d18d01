package groups

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// big comes in parts from several mirrors, the first part from the first of them.
var big = rig.Package{Name: "big", Version: "1.0", Size: 24 << 20}

// wrongAt is the place of the one byte that is wrong at the first mirror.
const wrongAt = 1 << 20

// liars are three mirrors of a generation, of which the first has one wrong byte in
// the file that ends so.
func liars(t *testing.T, g *rig.Generation, suffix string) (y *yard, file string) {
	t.Helper()
	i := slices.IndexFunc(g.Pool, func(name string) bool { return strings.HasSuffix(name, suffix) })
	if i < 0 {
		t.Fatalf("no %s among %q", suffix, g.Pool)
	}
	y = new(yard)
	for range 3 {
		site := rig.NewSite(t)
		site.Publish(g)
		n := rig.StartNginx(t, site.Root)
		line := rig.StartThrottle(t, n, 4*rate)
		y.nginx, y.lines, y.mirrors = append(y.nginx, n), append(y.lines, line), append(y.mirrors, line.URL)
	}
	rig.Rot(t, filepath.Join(y.nginx[0].Root, g.Pool[i]), wrongAt)
	return y, g.Pool[i]
}

// opens begins with a mirrord that knows nothing yet.
func (y *yard) opens(t *testing.T, typ string) {
	t.Helper()
	y.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: %s, upstreams: [%s]}", typ, y.urls())})
}

// found fails the test unless the log, the metrics and the status name the liar, and
// nobody else.
func (y *yard) found(t *testing.T, liar string, others ...string) {
	t.Helper()
	const told = "wrong bytes were found and replaced"
	for range 100 { // a client may have the last byte before
		if strings.Contains(y.m.Log(), told) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if log := y.m.Log(); !strings.Contains(log, told) || !strings.Contains(log, liar+": the bytes are not") {
		t.Error("the log does not name who gave the wrong byte")
	}
	token, err := os.ReadFile(filepath.Join(y.m.Data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	var status struct {
		Repos []struct {
			Upstreams []struct {
				Mirror, Error string
				Left          map[string]int64
			}
		}
	}
	r := rig.Get(y.m.URL("api/v1/status"), "Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if err := json.Unmarshal(r.Body, &status); err != nil || len(status.Repos) != 1 || len(status.Repos[0].Upstreams) != 1+len(others) {
		t.Fatalf("%v: %s", err, r.Body)
	}
	for _, m := range status.Repos[0].Upstreams {
		if lied := m.Mirror == liar; (m.Left["wrong"] > 0) != lied || strings.Contains(m.Error, "not what the index names") != lied {
			t.Errorf("status of %s: %+v", m.Mirror, m)
		}
	}
	for _, m := range append(others, liar) {
		if wrong := y.metric(t, "mirrord_upstream_left_total", m, `reason="wrong"`); (wrong > 0) != (m == liar) {
			t.Errorf("%s was blamed %v times", m, wrong)
		}
	}
	y.m.Fsck(t)
}

// brokenOff fails the test where no client had the wrong byte: then it proved nothing.
func (y *yard) brokenOff(t *testing.T) {
	t.Helper()
	if !strings.Contains(y.m.Log(), "a download broke off") {
		t.Error("nobody was broken off")
	}
}

func (y *yard) foundFirst(t *testing.T) {
	t.Helper()
	y.found(t, y.lines[0].URL, y.lines[1].URL, y.lines[2].URL)
}

// TestAptAndALiar: one apt-get install, with apt's own number of retries. apt goes on
// from where it was broken off, with a validator that the right bytes have too, and must
// not be left with the wrong byte.
func TestAptAndALiar(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	a := rig.NewArchive(t, rig.Layout{})
	y, file := liars(t, a.Build(big), ".deb")
	y.opens(t, "apt")
	c := rig.NewApt(t, a.Lines(y.m.URL("r")), "#clear Acquire::Retries;\n")
	c.Must("update")
	out := c.Must("install", "big")
	if got := c.Installed(big); got != big.Version {
		t.Errorf("version %q is installed\n%s", got, out)
	}
	y.brokenOff(t)
	for field, status := range map[string]int{"bytes=2000000-": 200, "bytes=2000000-2000999": 206, "bytes=-1000": 206} {
		if r := rig.Get(y.m.URL("r", file), "Range", field); r.Status != status || r.Err != nil {
			t.Errorf("Range: %s: %s, want %d", field, r.How(), status)
		}
	}
	y.foundFirst(t)
}

// TestCurlAndALiar: curl takes no connection that breaks for worth another try, unless
// it is told that everything is. What it says is never "done" with a wrong byte.
func TestCurlAndALiar(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	a := rig.NewArchive(t, rig.Layout{})
	g := a.Build(big)
	y, file := liars(t, g, ".deb")
	for flags, gets := range map[string]bool{"--retry 3": false, "--retry 3 --retry-all-errors": true} {
		t.Run(flags, func(t *testing.T) {
			y := &yard{nginx: y.nginx, lines: y.lines, mirrors: y.mirrors}
			y.opens(t, "apt")
			for _, name := range []string{a.Suite("InRelease"), a.Packages()} {
				rig.Get(y.m.URL("r", name))
			}
			to := filepath.Join(t.TempDir(), "big.deb")
			args := append(strings.Fields(flags), "-q", "-sS", "--max-time", "60", "--noproxy", "*", "-o", to, y.m.URL("r", file))
			out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(to)
			if right := bytes.Equal(got, g.Read(t, file)); (err == nil) != gets || err == nil && !right {
				t.Errorf("%v, right %v\n%s", err, right, out)
			}
			y.brokenOff(t)
			y.foundFirst(t)
		})
	}
}

// TestDnfAndALiar: one dnf install, with dnf's own number of retries.
func TestDnfAndALiar(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	y, _ := liars(t, rig.NewRPMs(t, rig.RPMLayout{Compress: "gz"}).Build(big), ".rpm")
	y.opens(t, "rpm")
	c := rig.NewDnf(t, y.m.URL("r", "releases/$releasever/os/"), "retries=10")
	out := c.Must("install", "big")
	if got := c.Installed(big); got != big.Version {
		t.Errorf("version %q is installed\n%s", got, out)
	}
	y.brokenOff(t)
	y.foundFirst(t)
}

// TestSkopeoAndALiar: one skopeo copy that may try again, from three real registries.
func TestSkopeoAndALiar(t *testing.T) {
	for _, tool := range []string{"skopeo", "docker-registry"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Printf("DIDNOTRUN: %s: no %s\n", t.Name(), tool)
			return
		}
	}
	var urls []string
	layer, digest := rig.Content(78, big.Size), ""
	for i := range 3 {
		r := rig.StartRegistry(t, rig.RegistryAuth{})
		for digest = range r.PushBlobs("library/big", "1", [][]byte{layer}) {
		}
		if i == 0 {
			rig.Rot(t, r.BlobFile(digest), wrongAt)
		}
		urls = append(urls, r.URL)
	}
	y := new(yard)
	y.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: oci, upstreams: [%q, %q, %q], default: true}", urls[0], urls[1], urls[2])})
	to := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "skopeo", "copy", "--insecure-policy", "--retry-times=3", "--src-tls-verify=false", "--src-no-creds",
		"docker://"+y.m.Addr()+"/library/big:1", "dir:"+to)
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	got, _ := os.ReadFile(filepath.Join(to, strings.TrimPrefix(digest, "sha256:")))
	if err != nil || !bytes.Equal(got, layer) {
		t.Errorf("%v, %d bytes\n%s", err, len(got), out)
	}
	t.Logf("%s", out)
	y.found(t, urls[0], urls[1:]...)
}
