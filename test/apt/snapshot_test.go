package apt_test

import (
	"os/exec"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestSnapshot: a machine that points at a snapshot installs what the repository had
// when it was made, with upstream gone on and then down, and after a restart.
func TestSnapshot(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	s := newStage(t, rig.Layout{ByHash: rig.HasByHash}, 1)
	old := s.Build(app, lib, data)
	s.sites[0].Publish(old)
	first := s.client("")
	first.Must("update")
	first.Must("install", "app")
	out, err := exec.Command(rig.Build(t), "snapshot", "create", "before", "--config", s.m.Config, "--server", s.m.URL()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "/test@before/") {
		t.Fatalf("snapshot create: %v, %s", err, out)
	}
	for range 5 { // more states than a root keeps
		s.sites[0].Publish(s.Build(app2, lib, data))
		s.age()
		first.Must("update")
	}
	removePool(t, s, old, "app_")
	first.Must("upgrade")
	if got := first.Installed(app2); got != app2.Version {
		t.Fatalf("the repository itself has %q, expected %q", got, app2.Version)
	}
	s.nginxes[0].Reset()
	for _, when := range []string{"upstream went on", "upstream is down"} {
		c := rig.NewApt(t, s.Lines(s.m.URL("test@before")), "")
		c.Must("update")
		c.Must("install", "app")
		if got := c.Installed(app); got != app.Version {
			t.Errorf("%s: %q is installed, expected %q", when, got, app.Version)
		}
		s.nginxes[0].Stop()
		s.m.Restart()
	}
	s.nginxes[0].Start()
	if hits := s.nginxes[0].Hits(); len(hits) != 0 {
		t.Errorf("upstream was asked for %v, expected nothing", hits)
	}
	s.m.Fsck(t)
}
