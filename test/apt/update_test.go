package apt_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// halfway is a client that took the root of the first generation, and goes on
// with it when there is a second.
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

// TestUpdate: when upstream has a new version the next update gets it, and who
// began with the old one finishes with the old one.
func TestUpdate(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for _, kind := range []struct {
		name   string
		layout rig.Layout
	}{
		{"by path", rig.Layout{}},
		{"by hash", rig.Layout{ByHash: rig.HasByHash}},
		{"Release and Release.gpg", rig.Layout{Detached: true}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel() // much of it is waiting
			s := newStage(t, kind.layout, 1)
			old := s.Build(app, lib, data)
			s.sites[0].Publish(old)
			first := s.client("")
			first.Must("update")
			first.Must("install", "app")
			clients := halfways()
			for _, h := range clients {
				for _, root := range rootsAsked(old) {
					want(t, h.name+": "+root, rig.Do(h.c, http.MethodGet, s.m.URL("test", root)), old.Read(t, root))
				}
			}

			s.sites[0].Publish(s.Build(app2, lib, data))
			removePool(t, s, old, "app_")
			s.age()
			first.Must("update")
			first.Must("install", "app")
			if got := first.Installed(app); got != app2.Version {
				t.Errorf("after the update version %q is installed, want %q", got, app2.Version)
			}

			for _, h := range clients {
				for _, path := range s.restOf(old, kind.layout) {
					want(t, h.name+": "+path, rig.Do(h.c, http.MethodGet, s.m.URL("test", escaped(path))), old.Read(t, path))
				}
			}
			second := s.client("")
			second.Must("update")
			second.Must("install", "app")
			if got := second.Installed(app); got != app2.Version {
				t.Errorf("a new client installs version %q, want %q", got, app2.Version)
			}
			s.m.Fsck(t)
		})
	}
}

// rootsAsked are the files that apt takes of a root.
func rootsAsked(g *rig.Generation) []string {
	for _, name := range g.Roots {
		if filepath.Base(name) == "InRelease" {
			return []string{name}
		}
	}
	return g.Roots
}

// restOf is what a client asks for after the root: the index, and the package
// that the next generation has no more.
func (s *stage) restOf(g *rig.Generation, layout rig.Layout) []string {
	index := s.Packages() + ".xz" // as apt prefers
	var rest []string
	for _, name := range g.Indexes {
		if name == index || layout.ByHash == rig.HasByHash && filepath.Base(name) == rig.Sum(g.Read(s.t, index)) {
			rest = append(rest, name)
		}
	}
	for _, name := range g.Pool {
		if strings.HasSuffix(name, ".deb") && strings.HasPrefix(filepath.Base(name), "app_") {
			rest = append(rest, name)
		}
	}
	return rest
}

// escaped is a path as apt writes it in a URL.
func escaped(path string) string { return strings.NewReplacer("+", "%2b", ":", "%3a").Replace(path) }

// removePool takes the files of an old generation whose names begin so from the
// first upstream, where the new one does not have them.
func removePool(t *testing.T, s *stage, g *rig.Generation, prefix string) {
	t.Helper()
	for _, name := range g.Pool {
		if strings.HasPrefix(filepath.Base(name), prefix) {
			if err := os.Remove(filepath.Join(s.sites[0].Root, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
