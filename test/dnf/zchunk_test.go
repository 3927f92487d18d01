package dnf_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestZchunk: a client that has an old primary.xml.zck, and knows repomd.xml, gets the
// chunks of the new one that it lacks, by one request for many ranges; for upstream it
// is one file, whole. Debian's dnf has no zchunk, so it is the tool of zchunk itself
// that asks.
func TestZchunk(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	if _, err := exec.LookPath("zckdl"); err != nil {
		fmt.Printf("DIDNOTRUN: %s: no zckdl\n", t.Name())
		return
	}
	t.Parallel()
	s := newStage(t, rig.RPMLayout{Compress: "gz", More: true})
	// A chunk is a package: every second one of the new are new.
	var was, is []rig.Package
	for i := range 6 {
		p := rig.Package{Name: fmt.Sprintf("p%d", i), Version: "1.0"}
		was = append(was, p)
		if i%2 == 1 {
			p.Version = "2.0"
		}
		is = append(is, p)
	}
	old, next := s.Build(was...), s.Build(is...)
	s.site.Publish(next)
	want(t, "the root", s.get(repomd), next.Read(t, repomd))

	name := zckPrimary(t, next)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "zckdl", "-v", "--fail-no-ranges",
		"-s", filepath.Join(old.Dir, zckPrimary(t, old)), s.m.URL("r", name))
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("zckdl: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "Missing chunks: 3\n") || strings.Count(string(out), "Multipart boundary") != 1 {
		t.Errorf("zckdl did not get three chunks at once:\n%s", out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, path.Base(name))); err != nil || !bytes.Equal(got, next.Read(t, name)) {
		t.Errorf("zckdl made another file: %v", err)
	}
	var sent int64
	for _, h := range s.nginx.Hits() {
		if h.Path == name {
			sent += h.Bytes
		}
	}
	if size := int64(len(next.Read(t, name))); sent != size {
		t.Errorf("upstream sent %d bytes of it, want its %d", sent, size)
	}
	s.m.Fsck(t)
}

func zckPrimary(t *testing.T, g *rig.Generation) string {
	t.Helper()
	for _, name := range g.Indexes {
		if strings.HasSuffix(name, "primary.xml.zck") {
			return name
		}
	}
	t.Fatalf("no primary.xml.zck: %q", g.Indexes)
	return ""
}
