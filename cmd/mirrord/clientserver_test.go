package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
