// Package dnf_test runs the real dnf against the real mirrord:
//
//	dnf (a root of its own) ──> mirrord ──> nginx ──> a repository that the test builds
//
// and looks at what dnf installs, at what nginx was asked for, and at the bytes.
package dnf_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"mirrord/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// fresh is the configured age up to which a root is served unasked; short, as the
// tests wait for its end.
const fresh = 300 * time.Millisecond

// The packages of most tests. hello needs lib.
var (
	hello  = rig.Package{Name: "hello", Version: "1.0", Depends: "lib >= 1.0"}
	lib    = rig.Package{Name: "lib", Version: "1.0", Size: 1 << 20}
	hello2 = rig.Package{Name: "hello", Version: "2.0", Depends: "lib >= 1.0"}
)

const repomd = rig.RPMBase + "/repodata/repomd.xml"

// stage is a repository, its upstream, and a mirrord before it.
type stage struct {
	*rig.RPMs
	t      *testing.T
	site   *rig.Site
	nginx  *rig.Nginx
	m      *rig.Mirrord
	layout rig.RPMLayout
}

func newStage(t *testing.T, layout rig.RPMLayout) *stage {
	t.Helper()
	s := newUpstream(t, layout)
	s.m = rig.Start(t, rig.Config{
		Repos: fmt.Sprintf("- {name: r, type: rpm, fresh: %s, upstreams: [%q]}", fresh, s.nginx.URL),
	})
	return s
}

// newUpstream is a stage without mirrord, with nothing in its upstream yet.
func newUpstream(t *testing.T, layout rig.RPMLayout) *stage {
	t.Helper()
	s := &stage{RPMs: rig.NewRPMs(t, layout), t: t, site: rig.NewSite(t), layout: layout}
	s.nginx = rig.StartNginx(t, s.site.Root)
	return s
}

// client is a new dnf that knows only mirrord.
func (s *stage) client() *rig.Dnf { return s.clientOf("r") }

// clientOf is one of that repository of mirrord.
func (s *stage) clientOf(repo string) *rig.Dnf {
	s.t.Helper()
	var keys []string
	if s.layout.Signed {
		keys = []string{"repo_gpgcheck=1", "gpgkey=file://" + s.Key.Keyring}
	}
	return rig.NewDnf(s.t, s.m.URL(repo, "releases/$releasever/os/"), keys...)
}

// age lets what is fresh become old.
func (s *stage) age() { time.Sleep(fresh + 100*time.Millisecond) }

// get asks mirrord for a path of the repository, on a connection of its own.
func (s *stage) get(path string) rig.Reply { return rig.Get(s.m.URL("r", path)) }

// installs has a client install hello and what it needs.
func (s *stage) installs(c *rig.Dnf, version rig.Package) {
	s.t.Helper()
	c.Must("install", "hello")
	for _, p := range []rig.Package{version, lib} {
		if got := c.Installed(p); got != p.Version {
			s.t.Errorf("%s: version %q is installed, want %q", p.Name, got, p.Version)
		}
	}
}

// upgradesTo has a client look for something newer than it has installed.
func (s *stage) upgradesTo(c *rig.Dnf, version rig.Package) {
	s.t.Helper()
	c.Must("--refresh", "upgrade")
	if got := c.Installed(version); got != version.Version {
		s.t.Errorf("the upgrade leads to version %q, want %q", got, version.Version)
	}
}

// eventually waits until ok. Half a minute covers the pause after a failed refresh
// and the first cool-downs of a mirror's breaker.
func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came true that %s", what)
		}
	}
}

// want fails the test unless the reply is whole, right and 200.
func want(t *testing.T, what string, r rig.Reply, bytesWanted []byte) {
	t.Helper()
	if r.Err != nil || r.Status != 200 || !bytes.Equal(r.Body, bytesWanted) {
		t.Errorf("%s: got %s, want 200 and the %d bytes of its generation\n%.200q", what, r.How(), len(bytesWanted), r.Body)
	}
}
