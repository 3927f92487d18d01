// Package fleet_test runs hubs and edges as real processes on loopback:
//
//	client ──> edge ──> (region ──>) hub ──> nginx or docker-registry
//
// and looks at what clients get, and at what the hub and its upstream were asked for.
package fleet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	hello = "pool/hello_1_amd64.deb"
	world = "pool/world_1_amd64.deb"
)

// fleet is an nginx with an apt repository, and a hub before it.
type fleet struct {
	t     *testing.T
	up    *rig.Nginx
	root  string // of nginx
	hub   *rig.Mirrord
	names int // of edges
	puts  int
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, root: t.TempDir()}
	f.up = rig.StartNginx(t, f.root)
	f.put("debian/", rig.NewTree(map[string][]byte{hello: rig.Content(1, 300<<10), world: rig.Content(2, 200<<10)}))
	f.put("secret/", rig.SmallTree(map[string][]byte{hello: rig.Content(3, 10<<10)}))
	f.hub = rig.Start(t, rig.Config{Repos: f.repos("debian", "secret"), Extra: f.logged("fleet: {serve: true}\n")})
	return f
}

// repos are as a stand-alone mirrord has them, from nginx.
func (f *fleet) repos(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "- {name: %s, type: apt, fresh: 100ms, upstreams: [%q]}\n", name, f.up.URL+"/"+name)
	}
	return b.String()
}

// logged adds an access log.
func (f *fleet) logged(extra string) string {
	return fmt.Sprintf("access_log: {file: %q, format: json}\n", filepath.Join(f.t.TempDir(), "access.log")) + extra
}

// put writes files below nginx's root. nginx makes its validators of time and size, so
// that each time has seconds of its own.
func (f *fleet) put(below string, tree rig.Tree) {
	f.t.Helper()
	f.puts++
	at := time.Now().Add(time.Duration(f.puts-100) * time.Minute)
	for path, data := range tree {
		file := filepath.Join(f.root, below+path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644), os.Chtimes(file, at, at)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// token has a hub grant repositories to a new edge, and gives the file with the token.
func (f *fleet) token(hub *rig.Mirrord, repos ...string) string {
	f.t.Helper()
	f.names++
	args := []string{"token", "add", fmt.Sprintf("edge%d", f.names), "--role", "edge", "--server", "http://" + hub.Addr()}
	for _, r := range repos {
		args = append(args, "--repo", r)
	}
	out, err := hub.Command(args...)
	if err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(f.t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return file
}

// edge starts one of a hub's, which has debian from there; more are keys of its fleet.
func (f *fleet) edge(hub *rig.Mirrord, granted []string, more string) *rig.Mirrord {
	f.t.Helper()
	extra := fmt.Sprintf("fleet: {hub: %q, token_file: %q, %s}\n", "http://"+hub.Addr(), f.token(hub, granted...), more)
	return rig.Start(f.t, rig.Config{Repos: f.repos("debian"), Extra: f.logged(extra)})
}

// gets has a client fetch a path of debian from a mirrord.
func (f *fleet) gets(m *rig.Mirrord, path string) rig.Reply {
	f.t.Helper()
	r := rig.Get(m.URL("debian", path))
	want, err := os.ReadFile(filepath.Join(f.root, "debian", path))
	if err != nil {
		f.t.Fatal(err)
	}
	if r.Status != 200 || r.Err != nil || !bytes.Equal(r.Body, want) {
		f.t.Fatalf("%s: %s", path, r.How())
	}
	return r
}

// update is what a client asks for first.
func (f *fleet) update(m *rig.Mirrord) {
	f.t.Helper()
	f.gets(m, rig.ReleasePath)
	f.gets(m, rig.PackagesPath)
}

// request is one line of a mirrord's access log.
type request struct {
	URI    string `json:"uri"`
	Status int    `json:"status"`
	Bytes  int64  `json:"bytes"`
}

// requests are what a mirrord was asked. It stops it: its log is whole then.
func (f *fleet) requests(hub *rig.Mirrord) (all []request) {
	f.t.Helper()
	hub.Stop()
	text, err := os.ReadFile(hub.Config)
	if err != nil {
		f.t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(text), `access_log: {file: "`)
	file, _, _ = strings.Cut(file, `"`)
	if text, err = os.ReadFile(file); err != nil {
		f.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			f.t.Fatalf("%v in %s", err, line)
		}
		all = append(all, r)
	}
	return all
}

// asked are the requests for repositories that edges made of a mirrord, which it stops.
func (f *fleet) asked(hub *rig.Mirrord) (all []request) {
	f.t.Helper()
	for _, r := range f.requests(hub) {
		if path, ok := strings.CutPrefix(r.URI, "/fleet/v1/repos/"); ok {
			r.URI = path
			all = append(all, r)
		}
	}
	return all
}

// eventually waits until ok, which comes by itself.
func (f *fleet) eventually(what string, ok func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("it never came true that %s", what)
		}
	}
}
