package moving_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// throughACNG is an archive, its upstream, and an apt-cacher-ng with what a client
// fetched through it, as a proxy and by its word for Debian's mirrors.
type throughACNG struct {
	*rig.Archive
	nginx *rig.Nginx
	acng  *rig.ACNG
	made  *rig.Generation
}

func fillACNG(t *testing.T, layout rig.Layout) throughACNG {
	t.Helper()
	s := throughACNG{Archive: rig.NewArchive(t, layout)}
	site := rig.NewSite(t)
	s.made = s.Build(app, lib)
	site.Publish(s.made)
	writeFile(t, filepath.Join(site.Root, "files/license.txt"), "A file that nobody vouches for.\n")
	s.nginx = rig.StartNginx(t, site.Root)
	s.acng = rig.StartACNG(t, fmt.Sprintf("Remap-debrep: %[1]s/none /debian ; %[1]s", s.nginx.URL))
	for _, c := range []*rig.Apt{
		rig.NewApt(t, s.Lines(s.nginx.URL), fmt.Sprintf("Acquire::http::Proxy::127.0.0.1 %q;\n", s.acng.URL)),
		rig.NewApt(t, s.Lines(s.acng.URL+"/debian"), ""),
	} {
		installs(t, c)
		c.Must("source", "--download-only", "app")
	}
	s.acng.Stop()
	return s
}

// TestAptCacherNG: what apt fetched through a real apt-cacher-ng it installs from a
// mirrord that took the cache over and asks nobody, and with upstream there only the
// root is confirmed.
func TestAptCacherNG(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for name, layout := range map[string]rig.Layout{"plain": {}, "by-hash": {ByHash: rig.HasByHash}, "detached": {Detached: true}, "flat": {Flat: true}} {
		t.Run(name, func(t *testing.T) {
			s := fillACNG(t, layout)
			before := snapshot(t, s.acng.Cache)
			m := idle(t, aptRepo("test", s.nginx.URL))
			out := must(t, m, "import", "apt-cacher-ng", s.acng.Cache)
			if n := sumOf(t, out, "test"); n.taken < 4 || n.linked != 0 || n.wrong != 0 || n.unreadable != 0 || n.there < 5 {
				t.Errorf("%+v\n%s", n, out)
			}
			for _, dir := range []string{"127.0.0.1 -> test: ", "debrep -> test: "} {
				if !strings.Contains(out, dir) {
					t.Errorf("no %q in\n%s", dir, out)
				}
			}
			if _, shared := stored(t, m, s.acng.Cache); shared != 0 {
				t.Errorf("%d objects are the cache's own files", shared)
			}
			if after := snapshot(t, s.acng.Cache); after != before {
				t.Errorf("the cache was changed:\n%s\nbefore:\n%s", after, before)
			}
			again := sumOf(t, must(t, m, "import", "apt-cacher-ng", s.acng.Cache), "test")
			if again.taken != 0 || again.wrong != 0 {
				t.Errorf("a second time: %+v", again)
			}

			m.Restart()
			s.nginx.Reset()
			c := rig.NewApt(t, s.Lines(m.URL("test")), "")
			installs(t, c)
			for _, h := range s.nginx.Hits() {
				if strings.Contains(h.Path, ".deb") || strings.Contains(h.Path, "Packages") || h.Status != http.StatusNotModified && !strings.Contains(h.Path, "Release") {
					t.Errorf("upstream was asked: %v", h)
				}
			}
			m.Stop()
			offline(t, m)
			s.nginx.Reset()
			c = rig.NewApt(t, s.Lines(m.URL("test")), "")
			installs(t, c)
			c.Must("source", "--download-only", "app")
			if hits := s.nginx.Hits(); len(hits) != 0 {
				t.Errorf("offline upstream was asked: %v", hits)
			}
			if r := rig.Get(m.URL("test/files/license.txt")); r.Status != 504 {
				t.Errorf("a file that the cache has not: %s", r.How())
			}
			m.Fsck(t)
		})
	}
}

// snapshot is the names, modes, sizes, times and bytes of the files in a directory.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %v %v %s\n", path, info.Mode(), info.ModTime(), rig.Sum(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAptCacherNGFiles: of what nobody vouches for apt-cacher-ng knows upstream's time
// and size. The one saves the bytes at the first use, the other tells a file that was
// cut short; one without a header is left out.
func TestAptCacherNGFiles(t *testing.T) {
	site := rig.NewSite(t)
	for _, name := range []string{"whole.bin", "cut.bin", "bare.bin"} {
		writeFile(t, filepath.Join(site.Root, name), "what is in "+name)
	}
	n := rig.StartNginx(t, site.Root)
	acng := rig.StartACNG(t, "PfilePatternEx: .*[.]bin$", fmt.Sprintf("Remap-mine: %[1]s/none /mine ; %[1]s", n.URL))
	for _, name := range []string{"whole.bin", "cut.bin", "bare.bin"} {
		if r := rig.Get(acng.URL + "/mine/" + name); string(r.Body) != "what is in "+name {
			t.Fatalf("%s through apt-cacher-ng: %s, %q", name, r.How(), r.Body)
		}
	}
	acng.Stop()
	if err := os.Truncate(filepath.Join(acng.Cache, "mine/cut.bin"), 5); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(acng.Cache, "mine/bare.bin.head")); err != nil {
		t.Fatal(err)
	}
	m := idle(t, fmt.Sprintf("- {name: files, type: generic, fresh: 1h, upstreams: [%q]}", n.URL))
	out := must(t, m, "import", "apt-cacher-ng", acng.Cache) // found by where its files came from
	if s := sumOf(t, out, "files"); s.taken != 1 || s.unconfirmed != 1 || s.wrong != 1 || s.unlisted != 1 ||
		!strings.Contains(out, `wrong: "mine/cut.bin": the bytes are not what the index names: it has 5 bytes, its header tells another size`) {
		t.Errorf("%+v\n%s", s, out)
	}
	n.Reset()
	m.Restart()
	for name, status := range map[string]int{"whole.bin": 304, "cut.bin": 200, "bare.bin": 200} {
		n.Reset()
		if r := rig.Get(m.URL("files", name)); string(r.Body) != "what is in "+name {
			t.Errorf("%s: %s, %q", name, r.How(), r.Body)
		}
		if hits := n.Hits(); len(hits) != 1 || hits[0].Status != status {
			t.Errorf("%s: upstream answered %v, want %d", name, hits, status)
		}
	}
	m.Fsck(t)
}
