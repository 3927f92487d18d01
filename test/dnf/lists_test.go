package dnf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/mirrorlist"
	"mirrord/test/rig"
)

// promised is how long an address is given nothing newer than its metalink has.
const promised = 5 * time.Second

// TestListsForClients: dnf whose .repo file has a list of mirrors, with mirrord for its
// host, installs, updates, and installs again when upstream is gone.
func TestListsForClients(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	for name, kind := range map[string]struct{ source, path, file string }{
		"metalink":                   {"metalink", "metalink?repo=f-$releasever&arch=$basearch", "metalink.xml"},
		"metalink of one repository": {"metalink", "r/metalink?repo=f-$releasever", "metalink.xml"},
		"mirrorlist":                 {"mirrorlist", "mirrorlist?repo=f-$releasever", "mirrorlist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s, lists := newListed(t, rig.RPMLayout{Compress: "gz"})
			old := s.Build(hello, lib)
			s.site.Publish(old)
			client := func() *rig.Dnf { return rig.NewDnfFrom(t, kind.source+"="+s.m.URL(kind.path)) }

			first := client()
			s.installs(first, hello)
			s.onceEach(old, "primary.xml.gz")
			if list := first.Cached(kind.file); len(list) != 1 {
				t.Errorf("dnf has no %s: %q", kind.file, list)
			}

			next := s.Build(hello2, lib)
			s.site.Publish(next)
			s.removeOld(old, next)
			s.outlastPromises()
			s.upgradesTo(first, hello2)

			s.nginx.Stop()
			lists.Stop()
			s.age()
			s.installs(client(), hello2)
			s.m.Fsck(t)
		})
	}
}

// outlastPromises lets what clients were told of be no hindrance for what is newer.
func (s *stage) outlastPromises() { time.Sleep(promised + fresh) }

// newListed is a stage whose repository has a list of mirrors upstream.
func newListed(t *testing.T, layout rig.RPMLayout) (s *stage, lists *rig.Nginx) {
	t.Helper()
	s, lists = newUpstream(t, layout), rig.StartNginx(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(lists.Root, "mirrorlist"), []byte(s.nginx.URL+"/"+rig.RPMBase+"/\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: rpm, fresh: %s, upstreams: [%q], mirrorlist: {url: \"%s/mirrorlist?repo=f-$releasever\", path: releases/$releasever/os}}",
		fresh, s.nginx.URL, lists.URL)})
	return s, lists
}

// TestMetalinkKept: who was given a metalink gets a repomd.xml that it has, also when
// another came in meanwhile; and what is newer once that is over.
func TestMetalinkKept(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	s, _ := newListed(t, rig.RPMLayout{Compress: "gz"})
	old, next := s.Build(hello, lib), s.Build(hello2, lib)
	s.site.Publish(old)
	ask := func() mirrorlist.Listing {
		t.Helper()
		l, err := mirrorlist.Metalink.Parse(rig.Get(s.m.URL("metalink?repo=f-40")).Body)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := ask()
	s.site.Publish(next)
	s.age()
	want(t, "what was named", s.get(repomd), old.Read(t, repomd))
	if !l.Vouches(old.Read(t, repomd)) || l.Vouches(next.Read(t, repomd)) {
		t.Errorf("the metalink vouches for another: %v", l.Digests)
	}
	time.Sleep(promised)
	want(t, "what is newer", s.get(repomd), next.Read(t, repomd))
	l = ask()
	if got := []digest.Digest{digest.Of(next.Read(t, repomd)), digest.Of(old.Read(t, repomd))}; !slices.Equal(l.Digests, got) {
		t.Errorf("the metalink has %v, expected %v", l.Digests, got)
	}
	s.m.Fsck(t)
}

// TestMirrorlistOfAllArchitectures: a list such as AlmaLinux's, of which dnf puts the
// architecture in itself.
func TestMirrorlistOfAllArchitectures(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	s := newUpstream(t, rig.RPMLayout{Compress: "gz"})
	s.site.Publish(s.Build(hello, lib))
	for _, arch := range []string{"x86_64", "aarch64"} {
		if err := os.Symlink(".", filepath.Join(s.site.Root, "releases/40", arch)); err != nil {
			t.Fatal(err)
		}
	}
	s.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: rpm, upstreams: [%q], mirrorlist: {url: \"%[1]s/mirrorlist/$releasever/base\", path: releases/$releasever/$basearch/os}}", s.nginx.URL)})
	s.installs(rig.NewDnfFrom(t, "mirrorlist="+s.m.URL("mirrorlist/$releasever/base")), hello)
	s.m.Fsck(t)
}
