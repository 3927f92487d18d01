package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
)

// TestClientDockerAsksForTheDefault: docker's mirror must be one whose default is
// docker.io, and only the server knows.
func TestClientDockerAsksForTheDefault(t *testing.T) {
	for says, mirrors := range map[string]bool{
		"/v2/ghcr.io/\n/v2/docker.io/\ndefault registry: docker.io\n": true,
		"/v2/ghcr.io/\n/v2/docker.io/\ndefault registry: ghcr.io\n":   false,
		"/v2/ghcr.io/\n/v2/docker.io/\n":                              false,
		"/v2/ghcr.io/\ndefault registry: docker.io\n":                 false,
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "mirrord serves these repositories:\n"+says)
		}))
		defer srv.Close()
		file := filepath.Join(t.TempDir(), "daemon.json")
		code, out, errs := mirrord(t, "client", "docker", "--server", srv.URL, "--file", file)
		if mirrors && (code != exitDone || !strings.Contains(out, srv.URL)) {
			t.Errorf("%q: exit %d\n%s%s", says, code, out, errs)
		}
		if !mirrors && (code != exitFailed || !strings.HasSuffix(errs, " default is not docker.io; pull as "+srv.Listener.Addr().String()+"/ghcr.io/NAME\n")) {
			t.Errorf("%q: exit %d\n%s%s", says, code, out, errs)
		}
	}
}

// TestServeTellsTheDefault on the page at /, as mirrord client reads it.
func TestServeTellsTheDefault(t *testing.T) {
	const text = "listen: [\"127.0.0.1:0\"]\nrepos:\n  - {name: docker.io, type: oci, upstreams: [\"http://127.0.0.1:1\"]}\n" +
		"  - {name: ghcr.io, type: oci, default: true, upstreams: [\"http://127.0.0.1:1\"]}\n"
	cfg, err := config.Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg.DataDir = t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	announced, said := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, said, slog.New(slog.DiscardHandler))
		said.Close()
	}()
	line, err := bufio.NewReader(announced).ReadString('\n')
	go io.Copy(io.Discard, announced)
	_, url, _ := strings.Cut(line, "listens on ")
	url, _, _ = strings.Cut(url, " ")
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	p, askErr := askServed(cmd, url)
	stop()
	if err := errors.Join(err, askErr, <-done); err != nil {
		t.Fatal(err)
	}
	if want := (page{names: []string{"v2/docker.io", "v2/ghcr.io"}, standard: "ghcr.io"}); !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, want %+v", p, want)
	}
}

// TestClientAptAsksTheServer: sources of a repository that the server has not are
// left as they are.
func TestClientAptAsksTheServer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "mirrord serves these repositories:\n/debian/\n/files/\n")
	}))
	defer srv.Close()
	dir := t.TempDir()
	lines := "deb http://ftp.us.debian.org/debian bookworm main\ndeb http://security.debian.org/debian-security bookworm-security main\n"
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"client", "apt", "--apt-dir", dir, "--server", srv.URL}, nil, &out, &errs)
	if code != exitDone || !strings.Contains(out.String(), srv.URL+"/debian bookworm") {
		t.Errorf("exit %d\n%s%s", code, out.String(), errs.String())
	}
	if strings.Contains(out.String(), srv.URL+"/debian-security") {
		t.Errorf("points at a repository that is not served:\n%s", out.String())
	}
}
