package apt_test

import (
	"os"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestPDiff: a client that brings its Packages up to date by patches never asks
// for the new Packages; the packages that only this names are still known,
// checked and stored, by a mirrord that knows the old Packages and by one that
// was never asked for any.
func TestPDiff(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for _, emptied := range []bool{false, true} {
		name := "mirrord knows the old Packages"
		if emptied {
			name = "mirrord begins anew"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some of it is waiting
			s := newStage(t, rig.Layout{Diffs: true, Filler: 400}, 1)
			s.sites[0].Publish(s.Build(app, lib, data))
			c := s.client("")
			s.updatesTo(c, app.Version)
			if emptied {
				s.m.Stop()
				if err := os.RemoveAll(s.m.Data); err != nil {
					t.Fatal(err)
				}
				s.m.Restart()
			}

			next := s.Build(app2, lib, data)
			s.sites[0].Publish(next)
			s.age()
			s.patches(c)
			c.Must("install", "app")
			if got := c.Installed(app); got != app2.Version {
				t.Errorf("version %q is installed, want %q", got, app2.Version)
			}
			s.stored(next)
		})
	}
}

// patches fails the test unless an update leads to app2 by a patch.
func (s *stage) patches(c *rig.Apt) {
	s.t.Helper()
	out := c.Must("update")
	if !strings.Contains(out, "Packages T-0.pdiff [") || strings.Contains(out, "Packages [") {
		s.t.Errorf("apt did not take the patch:\n%s", out)
	}
	if got := versionOf(c, app); got != app2.Version {
		s.t.Errorf("the patch leads to version %q, want %q", got, app2.Version)
	}
}

// stored fails the test unless mirrord has the generation's packages.
func (s *stage) stored(g *rig.Generation) {
	s.t.Helper()
	s.nginxes[0].Reset()
	for _, name := range g.Pool {
		if !strings.HasSuffix(name, ".deb") {
			continue
		}
		r := s.get(escaped(name))
		want(s.t, name, r, g.Read(s.t, name))
		if !r.Hit() {
			s.t.Errorf("%s was installed and is not stored: %s", name, r.How())
		}
	}
	if hits := s.nginxes[0].Hits(); len(hits) > 0 {
		s.t.Errorf("upstream was asked again: %v", hits)
	}
}
