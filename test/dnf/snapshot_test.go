package dnf_test

import (
	"os/exec"
	"testing"

	"mirrord/test/rig"
)

// TestSnapshot: a machine that points at a snapshot installs what the repository had
// then, with upstream gone on and then down.
func TestSnapshot(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	t.Parallel()
	s := newStage(t, rig.RPMLayout{Compress: "zstd", Signed: true})
	old := s.Build(hello, lib)
	s.site.Publish(old)
	first := s.client()
	s.installs(first, hello)
	out, err := exec.Command(rig.Build(t), "snapshot", "create", "before", "--config", s.m.Config, "--server", s.m.URL()).CombinedOutput()
	if err != nil {
		t.Fatalf("snapshot create: %v, %s", err, out)
	}
	next := s.Build(hello2, lib)
	s.site.Publish(next)
	s.removeOld(old, next)
	s.age()
	s.upgradesTo(first, hello2)
	s.nginx.Reset()
	for range 2 { // the second time upstream is down, and mirrord was restarted
		s.installs(s.clientOf("r@before"), hello)
		if hits := s.nginx.Hits(); len(hits) != 0 {
			t.Errorf("upstream was asked for %v, expected nothing", hits)
		}
		s.nginx.Stop()
		s.m.Restart()
	}
	s.m.Fsck(t)
}
