package apt_test

import (
	"testing"

	"mirrord/test/rig"
)

// TestUnlisted: what the root of a suite does not list is 404 without a question
// to upstream; what nobody can list (a pool is shared by suites) costs one.
func TestUnlisted(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	s := newStage(t, rig.Layout{}, 1)
	s.sites[0].Publish(s.Build(app, lib, data))
	s.client("").Must("update")
	s.nginxes[0].Reset()
	for _, c := range []struct {
		path string
		asks int // of upstream, for any number of clients
	}{
		{s.Suite("main/binary-riscv64/Packages.xz"), 0},
		{s.Suite("main/i18n/Translation-xx.xz"), 0},
		{s.Packages() + ".lzma", 0},
		{"pool/main/n/none/none_1.0_all.deb", 1},
		{"no-such-key.asc", 1},
	} {
		for range 3 {
			if r := s.get(c.path); r.Err != nil || r.Status != 404 {
				t.Errorf("%s: %s, want 404", c.path, r.How())
			}
		}
		hits := s.nginxes[0].Hits()
		if len(hits) != c.asks {
			t.Errorf("%s: upstream was asked %d times, want %d: %v", c.path, len(hits), c.asks, hits)
		}
		s.nginxes[0].Reset()
	}
}
