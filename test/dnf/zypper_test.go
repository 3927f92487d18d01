package dnf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// media is a file that openSUSE's repositories have, which zypper looks for in all.
const media = rig.RPMBase + "/media.1/media"

// TestZypper has zypper install, update, and install again when upstream is gone; a
// second client costs upstream no body. Debian's zypper has no zchunk.
func TestZypper(t *testing.T) {
	if !rig.ZypperRuns(t) {
		return
	}
	t.Parallel()
	for _, kind := range []struct {
		name   string
		layout rig.RPMLayout
		media  bool
		source string // of the section, "" = baseurl
	}{
		{name: "gz", layout: rig.RPMLayout{Compress: "gz"}},
		{name: "signed", layout: rig.RPMLayout{Compress: "gz", Signed: true}, media: true},
		{name: "plain names with sqlite and zchunk", layout: rig.RPMLayout{Compress: "gz", Simple: true, More: true}},
		{name: "metalink", layout: rig.RPMLayout{Compress: "gz"}, source: "metalink"},
		{name: "mirrorlist", layout: rig.RPMLayout{Compress: "gz"}, source: "mirrorlist"},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s, lists := newListed(t, kind.layout)
			if kind.media {
				s.putMedia()
			}
			old := s.Build(hello, lib)
			s.site.Publish(old)
			first := s.zypper(kind.source)
			s.zypps(first, hello)
			s.onceEach(old, "primary.xml.gz")

			s.nginx.Reset()
			s.age()
			s.zypps(s.zypper(kind.source), hello)
			s.noBody()

			next := s.Build(hello2, lib)
			s.site.Publish(next)
			s.removeOld(old, next)
			s.outlastPromises()
			first.Must("update")
			if got := first.Installed(hello2); got != hello2.Version {
				t.Errorf("the update leads to version %q, want %q", got, hello2.Version)
			}

			s.nginx.Stop()
			lists.Stop()
			s.age()
			s.zypps(s.zypper(kind.source), hello2)
			s.m.Fsck(t)
		})
	}
}

// TestZypperForeignSignature: zypper does not take through mirrord what another's key
// signed.
func TestZypperForeignSignature(t *testing.T) {
	if !rig.ZypperRuns(t) {
		return
	}
	t.Parallel()
	s, _ := newListed(t, rig.RPMLayout{Compress: "gz", Signed: true})
	s.site.Publish(s.Build(hello, lib))
	s.Key = rig.NewKey(t)
	z := s.zypper("")
	out, err := z.Do("install", "hello")
	if err == nil || !strings.Contains(out, "unknown key") || z.Installed(hello) != "" {
		t.Errorf("zypper with another key: %v, want it to refuse the signature\n%s", err, out)
	}
	s.m.Fsck(t)
}

// zypper is client for zypper, with a list in the place of the URL where one is named.
func (s *stage) zypper(list string) *rig.Zypper {
	s.t.Helper()
	source := "baseurl=" + s.m.URL("r", "releases/$releasever/os/")
	if list != "" {
		source = "mirrorlist=" + s.m.URL(list+"?repo=f-$releasever&arch=$basearch")
	}
	keys := []string{"gpgcheck=0"}
	if s.layout.Signed {
		keys = []string{"gpgcheck=1", "repo_gpgcheck=1", "pkg_gpgcheck=0", "gpgkey=file://" + s.Key.Keyring}
	}
	return rig.NewZypper(s.t, source, keys...)
}

// zypps is installs for zypper.
func (s *stage) zypps(z *rig.Zypper, version rig.Package) {
	s.t.Helper()
	z.Must("install", "hello")
	for _, p := range []rig.Package{version, lib} {
		if got := z.Installed(p); got != p.Version {
			s.t.Errorf("%s: version %q is installed, want %q", p.Name, got, p.Version)
		}
	}
}

func (s *stage) putMedia() {
	s.t.Helper()
	file := filepath.Join(s.site.Root, media)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("openSUSE\n20240607\n1\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}
