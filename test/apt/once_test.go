package apt_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestEachFileOnce has three clients do all that apt does, on archives of all
// kinds: the first costs upstream each file once, the second no body, and the
// third, and the first again, do it while upstream is gone.
func TestEachFileOnce(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for _, kind := range []struct {
		name   string
		layout rig.Layout
		prefer string // compression that apt asks for, where there is a choice
	}{
		{"plain archive", rig.Layout{}, "xz"},
		{"by-hash", rig.Layout{ByHash: rig.HasByHash}, "zst"},
		{"by-hash falsely advertised", rig.Layout{ByHash: rig.LiesByHash}, "gz"},
		{"Release and Release.gpg", rig.Layout{Detached: true}, "xz"},
		{"flat, not compressed", rig.Layout{Flat: true, Plain: true}, ""},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s := newStage(t, kind.layout, 1)
			g := s.Build(app, lib, data)
			s.sites[0].Publish(g)
			conf := `Acquire::CompressionTypes::Order { "` + kind.prefer + `"; };`

			first := s.client(conf)
			doAll(t, first, g, kind.layout)
			s.onceEach(s.nginxes[0].Hits())
			s.asked(g, strings.TrimSuffix(s.Packages()+"."+kind.prefer, "."))

			s.nginxes[0].Reset()
			s.age()
			doAll(t, s.client(conf), g, kind.layout)
			noBody(t, s.nginxes[0].Hits(), kind.layout)

			s.nginxes[0].Stop()
			s.age()
			doAll(t, s.client(conf), g, kind.layout)
			first.Must("update")
			first.Must("install", "--reinstall", "app", "lib", "data")
			if r := s.get(g.Roots[0]); !r.Stale() {
				t.Errorf("%s while upstream is gone: %s, want it labelled stale", g.Roots[0], r.How())
			}
			s.m.Fsck(t)
		})
	}
}

// doAll updates, downloads, installs and gets a source, and compares the bytes.
func doAll(t *testing.T, c *rig.Apt, g *rig.Generation, layout rig.Layout) {
	t.Helper()
	c.Must("update")
	if long := c.Cache("show", "app"); !layout.Flat && !strings.Contains(long, app.LongText()) {
		t.Errorf("apt-cache show has no translated description:\n%s", long)
	}
	c.Must("download", "app")
	c.Must("install", "app")
	c.Must("source", "--download-only", "app")
	for _, p := range []rig.Package{app, lib, data} {
		if got := c.Installed(p); got != p.Version {
			t.Errorf("%s: version %q is installed, want %q", p.Name, got, p.Version)
		}
	}
	for _, name := range g.Pool {
		base := strings.ReplaceAll(filepath.Base(name), ":", "%3a") // as apt escapes epochs
		if !strings.HasPrefix(base, "app_") {
			continue
		}
		if !bytes.Equal(c.Work(base), g.Read(t, name)) {
			t.Errorf("%s was downloaded with other bytes", name)
		}
	}
}

// onceEach fails the test where bytes of a file were sent twice, under whatever
// names, or where nothing was.
func (s *stage) onceEach(hits []rig.Hit) {
	s.t.Helper()
	sent := make(map[[32]byte]string)
	for _, h := range hits {
		if h.Status != 200 && h.Status != 206 || h.Bytes == 0 {
			continue
		}
		file, err := os.ReadFile(filepath.Join(s.sites[0].Root, h.Path))
		if err != nil {
			s.t.Fatal(err)
		}
		sum := sha256.Sum256(file)
		if before, twice := sent[sum]; twice {
			s.t.Errorf("upstream sent the same twice: %s and %s", before, h.Path)
		}
		if sent[sum] = h.Path; h.Bytes != int64(len(file)) {
			s.t.Errorf("upstream did not send all in one: %s, of %d", h, len(file))
		}
	}
	if len(sent) < 8 { // a root, three lists, three packages, a source at least
		s.t.Errorf("upstream sent %d files only: %v", len(sent), hits)
	}
}

// asked fails the test unless upstream sent an index, by its name or by its hash.
func (s *stage) asked(g *rig.Generation, index string) {
	s.t.Helper()
	hash := rig.Sum(g.Read(s.t, index))
	for _, h := range s.nginxes[0].Hits() {
		if h.Status == 200 && (h.Path == index || filepath.Base(h.Path) == hash) {
			return
		}
	}
	s.t.Errorf("nobody asked for %s", index)
}

// noBody fails the test unless upstream only confirmed what was known; what is
// not there (an InRelease beside Release.gpg) may be looked for again.
func noBody(t *testing.T, hits []rig.Hit, layout rig.Layout) {
	t.Helper()
	for _, h := range hits {
		absent := layout.Detached && filepath.Base(h.Path) == "InRelease" && h.Status == 404
		if h.Status != 304 && !absent {
			t.Errorf("upstream was asked for more than a confirmation: %s", h)
		}
	}
	if len(hits) == 0 {
		t.Error("upstream was not asked whether the root is current")
	}
}
