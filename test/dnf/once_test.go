package dnf_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestEachFileOnce has three clients install the same, from repositories of all
// kinds: the first costs upstream each file once, the second no body, and the third
// does it while upstream is gone.
func TestEachFileOnce(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	for _, kind := range []struct {
		name    string
		layout  rig.RPMLayout
		primary string // the end of its name
	}{
		{"gz", rig.RPMLayout{Compress: "gz"}, "primary.xml.gz"},
		{"xz", rig.RPMLayout{Compress: "xz"}, "primary.xml.xz"},
		{"zstd", rig.RPMLayout{Compress: "zstd"}, "primary.xml.zst"},
		{"signed", rig.RPMLayout{Compress: "gz", Signed: true}, "primary.xml.gz"},
		{"plain names with sqlite and zchunk", rig.RPMLayout{Compress: "gz", Simple: true, More: true}, "primary.xml.gz"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s := newStage(t, kind.layout)
			g := s.Build(hello, lib)
			s.site.Publish(g)

			s.installs(s.client(), hello)
			s.onceEach(g, kind.primary)

			s.nginx.Reset()
			s.age()
			s.installs(s.client(), hello)
			s.noBody()

			s.nginx.Stop()
			s.age()
			last := s.client()
			s.installs(last, hello)
			if r := s.get(repomd); !r.Stale() {
				t.Errorf("%s while upstream is gone: %s, want it labelled stale", repomd, r.How())
			}
			if kind.layout.Signed && !slices.Contains(last.Metadata(), "repomd.xml.asc") {
				t.Errorf("dnf got no signature: %q", last.Metadata())
			}
			s.m.Fsck(t)
		})
	}
}

// onceEach fails the test unless upstream sent what the first client needed, each
// file once and whole.
func (s *stage) onceEach(g *rig.Generation, primary string) {
	s.t.Helper()
	sent := make(map[string]bool)
	for _, h := range s.nginx.Hits() {
		if h.Bytes == 0 || h.Status != 200 && h.Status != 206 {
			continue
		}
		if sent[h.Path] {
			s.t.Errorf("upstream sent %s twice", h.Path)
		}
		sent[h.Path] = true
		if h.Path == media {
			continue
		}
		if size := len(g.Read(s.t, h.Path)); h.Bytes != int64(size) {
			s.t.Errorf("upstream did not send all in one: %s, of %d", h, size)
		}
	}
	needed := slices.Concat(g.Roots, g.Pool)
	for _, name := range g.Indexes {
		if strings.HasSuffix(name, primary) {
			needed = append(needed, name)
		}
	}
	if len(needed) != len(g.Roots)+len(g.Pool)+1 {
		s.t.Fatalf("the repository has not one %s: %q", primary, g.Indexes)
	}
	for _, name := range needed {
		if !sent[name] {
			s.t.Errorf("nobody asked upstream for %s", name)
		}
	}
}

// noBody fails the test unless upstream only confirmed what was known; what else there
// could be beside it may be looked for again.
func (s *stage) noBody() {
	s.t.Helper()
	hits := s.nginx.Hits()
	for _, h := range hits {
		absent := h.Status == 404 && (!s.layout.Signed && path.Ext(h.Path) == ".asc" || path.Ext(h.Path) == ".key" || h.Path == media)
		if h.Status != 304 && !absent {
			s.t.Errorf("upstream was asked for more than a confirmation: %s", h)
		}
	}
	if len(hits) == 0 {
		s.t.Error("upstream was not asked whether the root is current")
	}
}

// TestForeignSignature: what vouches for a signed repository is dnf itself, which
// does not take it through mirrord when the key is another's.
func TestForeignSignature(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	s := newStage(t, rig.RPMLayout{Compress: "gz", Signed: true})
	s.site.Publish(s.Build(hello, lib))
	s.Key = rig.NewKey(t)
	c := s.client()
	out, err := c.Do("install", "hello")
	if err == nil || !strings.Contains(out, "repomd.xml GPG signature verification error") || c.Installed(hello) != "" {
		t.Errorf("dnf with another key: %v, want it to refuse the signature\n%s", err, out)
	}
	s.m.Fsck(t)
}
