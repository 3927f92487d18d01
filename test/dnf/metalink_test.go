package dnf_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mirrord/test/rig"
)

// TestMetalink: a repository whose mirrors only a metalink names. The first of them is
// behind it and nothing is taken from it; the list is asked for once; and what was
// installed so is installed again when the list and all mirrors are gone.
func TestMetalink(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	s := newUpstream(t, rig.RPMLayout{Compress: "gz"})
	behind := rig.NewSite(t)
	behind.Publish(s.Build(hello)) // no file that the list's state has too
	late := rig.StartNginx(t, behind.Root)
	g := s.Build(hello2, lib)
	s.site.Publish(g)
	lists := rig.StartNginx(t, t.TempDir())
	list := fmt.Sprintf(`<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml">
<verification><hash type="sha256">%x</hash></verification><resources>
<url protocol="http" type="http" preference="100">%s/%[4]s</url>
<url protocol="http" type="http" preference="99">%[3]s/%[4]s</url>
</resources></file></files></metalink>`, sha256.Sum256(g.Read(t, repomd)), late.URL, s.nginx.URL, repomd)
	if err := os.WriteFile(filepath.Join(lists.Root, "metalink"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	s.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: rpm, fresh: %s, metalink: {url: \"%s/metalink?repo=f-$releasever\", path: releases/$releasever/os}}\n"+
		// Names the two on this machine, which a list by itself may not.
		"- {name: other, type: generic, upstreams: [%q, %q]}\n", fresh, lists.URL, late.URL, s.nginx.URL)})

	s.installs(s.client(), hello2)
	s.onceEach(g, "primary.xml.gz")
	if hits := lists.Hits(); len(hits) != 1 {
		t.Errorf("the list was asked for %d times, want once: %v", len(hits), hits)
	}
	for _, h := range late.Hits() {
		if h.Status/100 == 2 && h.Path != repomd {
			t.Errorf("the mirror that is behind was believed: %s", h)
		}
	}

	for _, n := range []*rig.Nginx{lists, late, s.nginx} {
		n.Stop()
	}
	s.age()
	s.installs(s.client(), hello2)
	s.m.Fsck(t)
}
