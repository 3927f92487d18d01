// Package admin drives the verbs of the admin API, by the command and by HTTP,
// against a running mirrord with a real upstream.
package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	hello = "pool/hello_1.deb"
	world = "pool/world_1.deb"
)

// site is a mirrord with an apt repository "debian" and one of files, on nginx.
type site struct {
	t    *testing.T
	up   *rig.Nginx
	root string // of nginx
	m    *rig.Mirrord
	tree rig.Tree
}

func newSite(t *testing.T, extra string) *site {
	s := &site{t: t, root: t.TempDir()}
	s.tree = rig.NewTree(map[string][]byte{hello: rig.Content(1, 300<<10), world: rig.Content(2, 200<<10)})
	for path, data := range s.tree {
		s.put("debian/"+path, data)
	}
	s.put("files/a.iso", []byte("first"))
	s.up = rig.StartNginx(t, s.root, "location /files/big { limit_rate 4m; }")
	s.m = rig.Start(t, rig.Config{Extra: extra, Repos: "- {name: debian, type: apt, upstreams: [\"" + s.up.URL + "/debian" + "\"]}\n" +
		"- {name: files, type: generic, fresh: 1h, upstreams: [\"" + s.up.URL + "/files" + "\"]}"})
	for _, path := range []string{"debian/" + rig.ReleasePath, "debian/" + rig.PackagesPath, "debian/" + hello, "debian/" + world, "files/a.iso"} {
		s.gets(path)
	}
	s.up.Reset()
	return s
}

// put writes a file below nginx's root.
func (s *site) put(path string, data []byte) {
	s.t.Helper()
	file := filepath.Join(s.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

// gets has a client fetch a path, and is its bytes and how they came.
func (s *site) gets(path string) (body, how string) {
	s.t.Helper()
	r := rig.Get(s.m.URL(path))
	if r.Status != 200 || r.Err != nil {
		s.t.Fatalf("%s: %s", path, r.How())
	}
	return string(r.Body), r.Header.Get("Cache-Status")
}

// asked are the paths that nginx was asked for since the last call.
func (s *site) asked() (paths []string) {
	for _, h := range s.up.Hits() {
		paths = append(paths, h.Path)
	}
	s.up.Reset()
	return paths
}

// run runs a command of the CLI and is its exit code and what it wrote.
func (s *site) run(args ...string) (code int, out, errs string) {
	s.t.Helper()
	return s.runAs(nil, append(args, "--config", s.m.Config, "--server", s.m.URL())...)
}

func (s *site) runAs(env []string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	cmd := exec.Command(rig.Build(s.t), args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// wants runs a command and fails where it fails or does not say want.
func (s *site) wants(want string, args ...string) {
	s.t.Helper()
	if code, out, errs := s.run(args...); code != 0 || !strings.Contains(out, want) {
		s.t.Errorf("mirrord %s: exit %d, %q, %q, expected %q", strings.Join(args, " "), code, out, errs, want)
	}
}

// fails runs a command and fails where it does not end with the code and one line
// that says want.
func (s *site) fails(code int, want string, args ...string) {
	s.t.Helper()
	got, _, errs := s.run(args...)
	if got != code || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
		s.t.Errorf("mirrord %s: exit %d, %q, expected %d and a line with %q", strings.Join(args, " "), got, errs, code, want)
	}
}

// token is the CLI's own.
func (s *site) token() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.m.Data, "admin.token"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// api makes a call as curl would, and is the status and the answer.
func (s *site) api(method, path, token, body string) (int, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequest(method, strings.TrimSuffix(s.m.URL(), "/")+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	got := map[string]any{}
	if err := json.Unmarshal(text, &got); err != nil {
		s.t.Fatalf("%s %s: %s %q", method, path, resp.Status, text)
	}
	return resp.StatusCode, got
}
