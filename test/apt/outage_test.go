package apt_test

import (
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestUpstreamHangs: a client who can be served stale waits for a silent upstream
// once, some 3 s; then it costs nobody anything until it answers again.
func TestUpstreamHangs(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	s := newStage(t, rig.Layout{}, 1)
	g := s.Build(app, lib, data)
	s.sites[0].Publish(g)
	first := s.client("")
	first.Must("update")
	first.Must("install", "app")
	inRelease := s.Suite("InRelease")

	s.nginxes[0].Freeze()
	s.age()
	r := s.get(inRelease)
	want(t, "the root while upstream hangs", r, g.Read(t, inRelease))
	if !r.Stale() || r.Took > 4500*time.Millisecond {
		t.Errorf("the first client got %s after %v, want it labelled stale after some 3 s", r.How(), r.Took)
	}
	for range 5 {
		r := s.get(inRelease)
		want(t, "the root while upstream still hangs", r, g.Read(t, inRelease))
		if !r.Stale() || r.Took > time.Second {
			t.Errorf("a later client got %s after %v, want it labelled stale at once", r.How(), r.Took)
		}
	}
	second := s.client("")
	second.Must("update")
	second.Must("install", "app")
	if got := second.Installed(app); got != app.Version {
		t.Errorf("version %q is installed, want %q", got, app.Version)
	}

	s.nginxes[0].Thaw()
	s.eventually("the root is fresh again", func() bool { return !s.get(inRelease).Stale() })
}
