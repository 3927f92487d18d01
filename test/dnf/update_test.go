package dnf_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// halfway is a client that took the root of the first generation, and goes on with
// it when there is a second.
type halfway struct {
	name string
	c    *http.Client
}

// halfways are known by their one connection, and by an address of their own.
func halfways() []halfway {
	byAddress := rig.NewClient(false)
	byAddress.Transport.(*http.Transport).DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 77)}}).DialContext
	return []halfway{{"by connection", rig.NewClient(true)}, {"by address", byAddress}}
}

var updates = []struct {
	name   string
	layout rig.RPMLayout
}{
	{"names with checksums", rig.RPMLayout{Compress: "zstd"}},
	{"signed and without checksums", rig.RPMLayout{Compress: "xz", Simple: true, Signed: true}},
}

// TestUpdate: when upstream has a new version the next upgrade gets it, and who began
// with the old repomd.xml gets the primary and the package that belong to it.
func TestUpdate(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	for _, kind := range updates {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s := newStage(t, kind.layout)
			old := s.Build(hello, lib)
			s.site.Publish(old)
			first := s.client()
			s.installs(first, hello)
			clients := halfways()
			for _, h := range clients {
				want(t, h.name+": the root", rig.Do(h.c, http.MethodGet, s.m.URL("r", repomd)), old.Read(t, repomd))
			}

			next := s.Build(hello2, lib)
			s.site.Publish(next)
			s.removeOld(old, next)
			s.age()
			s.upgradesTo(first, hello2)
			want(t, "the new root", s.get(repomd), next.Read(t, repomd))
			for _, h := range clients {
				for _, name := range restOf(old) {
					want(t, h.name+": "+name, rig.Do(h.c, http.MethodGet, s.m.URL("r", name)), old.Read(t, name))
				}
			}
			s.installs(s.client(), hello2)
			s.m.Fsck(t)
		})
	}
}

// TestHalfSynced: while upstream has the new repomd.xml and not yet what that names,
// clients get the generation before, whole; when it is through they get the new one.
func TestHalfSynced(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	for _, kind := range updates {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			s := newStage(t, kind.layout)
			s.site.Publish(s.Build(hello, lib))
			first := s.client()
			s.installs(first, hello)

			next := s.Build(hello2, lib)
			s.site.Put(next, next.Roots)
			s.age()
			s.upgradesTo(first, hello)
			s.installs(s.client(), hello)

			s.site.Publish(next)
			s.eventually("the new version comes when upstream is whole", func() bool {
				first.Must("--refresh", "upgrade")
				return first.Installed(hello2) == hello2.Version
			})
			s.m.Fsck(t)
		})
	}
}

// removeOld takes from upstream what only the old generation had.
func (s *stage) removeOld(old, next *rig.Generation) {
	s.t.Helper()
	for _, name := range append(old.Pool, old.Indexes...) {
		if _, err := os.Stat(filepath.Join(next.Dir, name)); err == nil {
			continue
		}
		if err := os.Remove(filepath.Join(s.site.Root, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// restOf is what a client asks for after the root.
func restOf(g *rig.Generation) []string {
	var rest []string
	for _, name := range append(g.Indexes, g.Pool...) {
		if base := filepath.Base(name); strings.Contains(base, "primary.xml") || strings.HasPrefix(base, "hello-") {
			rest = append(rest, name)
		}
	}
	return rest
}
