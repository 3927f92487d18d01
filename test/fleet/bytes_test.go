package fleet_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// TestOnce: whatever many edges are asked for comes from upstream once, and from the hub
// once an edge.
func TestOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	var edges []*rig.Mirrord
	for range 3 {
		edges = append(edges, f.edge(f.hub, []string{"debian"}, "repos: {debian: on-demand}"))
	}
	for _, e := range edges {
		f.update(e)
		f.gets(e, hello)
	}
	asked := f.asked(f.hub)
	for _, path := range []string{rig.ReleasePath, rig.PackagesPath, hello} {
		sent := 0
		for _, h := range f.up.Hits() {
			if h.Path == "debian/"+path && h.Method == "GET" && h.Status == 200 {
				sent++
			}
		}
		if sent != 1 {
			t.Errorf("upstream gave %s %d times", path, sent)
		}
		given := 0
		for _, r := range asked {
			if r.URI == "debian/"+path && r.Status == 200 && r.Bytes > 0 {
				given++
			}
		}
		if given != len(edges) {
			t.Errorf("the hub gave %s %d times, to %d edges", path, given, len(edges))
		}
	}
	for _, e := range edges {
		e.Fsck(t)
	}
}

// TestChain: a rack's region is an edge and a hub, and nothing of its own.
func TestChain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	region := f.edge(f.hub, []string{"debian"}, "serve: true, repos: {debian: on-demand}")
	rack := f.edge(region, []string{"debian"}, "repos: {debian: on-demand}")
	f.update(rack)
	f.gets(rack, hello)
	f.hub.Stop()
	f.gets(region, hello)
	f.up.Stop()
	region.Stop()
	if r := f.gets(rack, hello); !r.Hit() {
		t.Error(r.How())
	}
}

// TestHubDown: an edge goes on with what it has, and only where it may with the public
// upstreams.
func TestHubDown(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	alone := f.edge(f.hub, []string{"debian"}, "repos: {debian: on-demand}")
	may := f.edge(f.hub, []string{"debian"}, "fallback: true, repos: {debian: on-demand}")
	for _, e := range []*rig.Mirrord{alone, may} {
		f.update(e)
		f.gets(e, hello)
	}
	f.up.Reset()
	f.hub.Stop()
	for _, e := range []*rig.Mirrord{alone, may} {
		f.update(e)
		f.gets(e, hello)
	}
	if r := rig.Get(alone.URL("debian", world)); r.Status != 503 || !strings.Contains(string(r.Body), "debian: ") {
		t.Errorf("%s\n%s", r.How(), r.Body)
	}
	f.gets(may, world)
	if len(f.up.Hits()) == 0 {
		t.Error("upstream was not asked while the hub was down")
	}
	f.hub.Restart()
	f.eventually("the edge has its hub again", func() bool { return rig.Get(alone.URL("debian", world)).Status == 200 })
}

// TestUpstreamDown: what the hub has it gives also while its upstream hangs, and the edge
// goes on having a hub.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.update(f.hub)
	f.gets(f.hub, hello)
	e := f.edge(f.hub, []string{"debian"}, "repos: {debian: on-demand}")
	f.update(e)
	f.up.Freeze()
	defer f.up.Thaw()
	f.update(e)
	f.gets(e, hello)
}

// TestGrants: an edge reads what it is granted, whatever it calls it, and nothing else.
func TestGrants(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.update(f.hub)
	secret, err := os.ReadFile(f.token(f.hub, "debian"))
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + strings.TrimSpace(string(secret))
	if r := rig.Get(f.hub.URL("fleet/v1/repos/debian", rig.ReleasePath), "Authorization", bearer); r.Status != 200 {
		t.Fatalf("what is granted: %s\n%s", r.How(), r.Body)
	}
	for _, c := range []struct {
		path   string
		status int
	}{
		{"fleet/v1/repos/secret/" + rig.ReleasePath, 403},
		{"fleet/v1/repos/debian/../secret/" + rig.ReleasePath, 400},
		{"fleet/v1/repos/debian/%2e%2e/secret/" + rig.ReleasePath, 400},
		{"fleet/v1/repos/debian%2f..%2fsecret/" + rig.ReleasePath, 403},
		{"fleet/v1/repos/debian/..%2fsecret/" + rig.ReleasePath, 400},
		{"fleet/v1/repos/%73ecret/" + rig.ReleasePath, 403},
		{"fleet/v1/repos//secret/" + rig.ReleasePath, 403},
		{"fleet/v1/repos/debian@2026-01-01/" + rig.ReleasePath, 403},
		{"fleet/v1/repos/", 403},
		{"fleet/v1/nothing", 404},
		{"fleet/v2/repos/debian/" + rig.ReleasePath, 404},
		{"api/v1/status", 403},
		{"api/v1/tokens", 403},
	} {
		if r := rig.Get(f.hub.URL(c.path), "Authorization", bearer); r.Status != c.status {
			t.Errorf("%s: %s, expected %d\n%s", c.path, r.How(), c.status, r.Body)
		}
	}
	for _, auth := range []string{"", "Bearer ", "Bearer wrong", "Basic " + bearer, adminToken(t, f.hub)} {
		r := rig.Get(f.hub.URL("fleet/v1/repos/debian", rig.ReleasePath), "Authorization", auth)
		if r.Status != 401 && r.Status != 403 || r.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("with %q: %s", auth, r.How())
		}
	}
	ungranted := f.edge(f.hub, []string{"secret"}, "repos: {debian: on-demand}")
	if r := rig.Get(ungranted.URL("debian", rig.ReleasePath)); r.Status != 503 || !strings.Contains(string(r.Body), "refuses this mirrord's token") {
		t.Errorf("an edge that is not granted debian: %s\n%s", r.How(), r.Body)
	}
}

// adminToken is a field with the CLI's own token, which is no edge's.
func adminToken(t *testing.T, m *rig.Mirrord) string {
	t.Helper()
	text, err := os.ReadFile(m.Data + "/admin.token")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("Bearer %s", strings.TrimSpace(string(text)))
}
