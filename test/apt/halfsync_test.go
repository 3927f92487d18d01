package apt_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// mismatch is what apt says of bytes that its Release does not list.
const mismatch = "Hash Sum mismatch"

// roots picks files of a root by name.
func roots(g *rig.Generation, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(g.Roots), func(p string) bool {
		return !slices.Contains(names, filepath.Base(p))
	})
}

// half is a way in which an upstream can be between two generations.
type half struct {
	name   string
	layout rig.Layout
	part   func(next *rig.Generation) []string // what of the next is there
}

// newIndexes is the half that a root does not show: it is whole, and the old one.
const newIndexes = "new indexes, old InRelease"

var halves = []half{
	{"new InRelease, old indexes", rig.Layout{},
		func(g *rig.Generation) []string { return g.Roots }},
	{newIndexes, rig.Layout{},
		func(g *rig.Generation) []string { return append(slices.Clone(g.Pool), g.Indexes...) }},
	{"new InRelease, its by-hash files not there", rig.Layout{ByHash: rig.HasByHash},
		func(g *rig.Generation) []string { return g.Roots }},
	{"new InRelease, old indexes, by-hash falsely advertised", rig.Layout{ByHash: rig.LiesByHash},
		func(g *rig.Generation) []string { return g.Roots }},
	{"new Release, old Release.gpg", rig.Layout{Detached: true},
		func(g *rig.Generation) []string { return append(roots(g, "Release"), g.Indexes...) }},
	{"old Release, new Release.gpg", rig.Layout{Detached: true},
		func(g *rig.Generation) []string { return append(roots(g, "Release.gpg"), g.Indexes...) }},
	{"flat, new InRelease, old indexes", rig.Layout{Flat: true},
		func(g *rig.Generation) []string { return g.Roots }},
}

// TestHalfSynced: while upstream is between two generations clients get the one
// before, whole; when it is through they get the new one.
func TestHalfSynced(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for _, half := range halves {
		t.Run(half.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			s := newStage(t, half.layout, 1)
			s.sites[0].Publish(s.Build(app, lib, data))
			first := s.client("")
			first.Must("update")

			next := s.Build(app2, lib, data)
			s.sites[0].Put(next, half.part(next))
			s.age()
			for _, c := range []*rig.Apt{first, s.client("")} {
				s.updatesTo(c, app.Version)
				c.Must("install", "app") // for the first time: of upstream only the suite is half-synced
			}

			s.sites[0].Publish(next)
			s.eventually("the new version comes when upstream is whole", func() bool {
				first.Must("update")
				return versionOf(first, app) == app2.Version
			})
			first.Must("install", "app")
		})
	}
}

// updatesTo fails the test unless an update works and leads to that version.
func (s *stage) updatesTo(c *rig.Apt, version string) {
	s.t.Helper()
	out := c.Must("update")
	if strings.Contains(out, mismatch) {
		s.t.Errorf("apt-get update:\n%s", out)
	}
	if got := versionOf(c, app); got != version {
		s.t.Errorf("the update leads to version %q, want %q", got, version)
	}
}

// TestHalfSyncedAtFirst: where mirrord has nothing older, the first client gets an
// error that says why, not a root whose indexes are not there.
func TestHalfSyncedAtFirst(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	s := newStage(t, rig.Layout{}, 1)
	s.sites[0].Publish(s.Build(app, lib, data))
	next := s.Build(app2, lib, data)
	s.sites[0].Put(next, next.Roots)
	c := s.client("")
	if out, err := c.Get("update"); err == nil || strings.Contains(out, mismatch) {
		t.Errorf("apt-get update: %v, want an error, and no %s\n%s", err, mismatch, out)
	}
	r := s.get(s.Suite("InRelease"))
	says := strings.Contains(string(r.Body), "half-synchronised") || strings.Contains(string(r.Body), "not what the index names")
	if r.Status < 500 || !says {
		t.Errorf("the root: %s %q, want an error that says why", r.How(), r.Body)
	}
	s.sites[0].Publish(next)
	s.eventually("the first generation comes when upstream is whole", func() bool {
		_, err := c.Get("update")
		return err == nil
	})
	c.Must("install", "app")
}

// TestHalfSyncedSameSize: an index of the right size and with other bytes is what
// a half-synced upstream has, not a sign that its packages are wrong: those that
// nobody asked for before can still be had from it, and the index from another.
func TestHalfSyncedSameSize(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	v0, v1 := rig.Package{Name: "app", Version: "1.0"}, rig.Package{Name: "app", Version: "1.1"}
	for upstreams, leadsTo := range map[int]string{1: v0.Version, 2: v1.Version} {
		t.Run(fmt.Sprintf("of %d upstreams", upstreams), func(t *testing.T) {
			s := newStage(t, rig.Layout{Plain: true}, upstreams)
			old, next := s.Build(v0), s.Build(v1)
			if was, is := len(old.Read(t, s.Packages())), len(next.Read(t, s.Packages())); was != is {
				t.Fatalf("the two Packages have %d and %d bytes, want them of one size", was, is)
			}
			for _, site := range s.sites {
				site.Publish(old)
			}
			c := s.client("")
			c.Must("update")
			for _, site := range s.sites[1:] {
				site.Publish(next)
			}
			s.sites[0].Put(next, next.Roots)
			s.age()
			s.updatesTo(c, leadsTo)
			c.Must("install", "app")
		})
	}
}

// TestSecondUpstreamIsWhole: of two upstreams the first is half-synced; what the
// second has is taken, the indexes alone or the root too.
func TestSecondUpstreamIsWhole(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	for _, half := range halves {
		if half.name == newIndexes {
			continue // the first upstream confirms the generation that is known
		}
		t.Run(half.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			secondIsWhole(t, half)
		})
	}
}

func secondIsWhole(t *testing.T, half half) {
	t.Helper()
	s := newStage(t, half.layout, 2)
	old := s.Build(app, lib, data)
	for _, site := range s.sites {
		site.Publish(old)
	}
	c := s.client("")
	s.updatesTo(c, app.Version)
	next := s.Build(app2, lib, data)
	s.sites[0].Put(next, half.part(next))
	s.sites[1].Publish(next)
	s.age()
	s.updatesTo(c, app2.Version)
	c.Must("install", "app")
	if got := c.Installed(app); got != app2.Version {
		t.Errorf("version %q is installed, want %q", got, app2.Version)
	}
}
