package fleet_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// has reports whether a mirrord has an object stored under that name.
func (f *fleet) has(m *rig.Mirrord, path string) bool {
	f.t.Helper()
	out, err := m.Command("objects", "debian/"+path, "--server", "http://"+m.Addr())
	if err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	return strings.Contains(out, path)
}

// generations counts how often a mirrord has come to another state.
func generations(m *rig.Mirrord) int { return strings.Count(m.Log(), "generation is current") }

// release brings a new state of debian to nginx.
func (f *fleet) release(n int) {
	f.t.Helper()
	f.put("debian/", rig.NewTree(map[string][]byte{
		hello: rig.Content(1, 300<<10), world: rig.Content(2, 200<<10), fmt.Sprintf("pool/new%d_1_amd64.deb", n): rig.Content(uint64(n), 1000+n),
	}))
}

// verb has an operator do something at a mirrord.
func (f *fleet) verb(m *rig.Mirrord, args ...string) {
	f.t.Helper()
	if out, err := m.Command(append(args, "--server", "http://"+m.Addr())...); err != nil {
		f.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// following waits until an edge follows its hub: it has looked at all it has, then.
func (f *fleet) following(edge *rig.Mirrord) {
	f.t.Helper()
	f.eventually("the edge follows", func() bool { return strings.Contains(edge.Log(), "looking at all that is known") })
}

// TestNews: a new state comes down a chain before anybody asks for it there.
func TestNews(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	region := f.edge(f.hub, []string{"debian"}, "serve: true, repos: {debian: used}")
	rack := f.edge(region, []string{"debian"}, "repos: {debian: used}")
	lazy := f.edge(f.hub, []string{"debian"}, "repos: {debian: on-demand}")
	f.update(rack)
	f.update(lazy)
	f.following(region)
	f.following(rack)
	f.release(1)
	f.eventually("a client of the hub sees it", func() bool { f.hubSees(); return generations(f.hub) == 2 })
	f.eventually("the rack has it", func() bool { return generations(rack) == 2 })
	if generations(lazy) != 1 {
		t.Error("an edge on demand fetched it as well")
	}
	f.hub.Stop()
	region.Stop()
	f.update(rack) // of the new state, and whole
	rack.Fsck(t)
}

// hubSees has a client of the hub ask for the root.
func (f *fleet) hubSees() { rig.Get(f.hub.URL("debian", rig.ReleasePath)) }

// TestKilledEdge: an edge that was killed, and missed something, goes on where it was; the
// hub is asked for what is new and for nothing twice. So it is when the hub restarts.
func TestKilledEdge(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	e := f.edge(f.hub, []string{"debian"}, "repos: {debian: used}")
	f.update(e)
	f.gets(e, hello)
	f.following(e)
	e.Kill()
	f.release(1)
	f.eventually("the hub has the new state", func() bool { f.hubSees(); return generations(f.hub) == 2 })
	f.hub.Restart()
	e.Restart()
	f.eventually("the edge has the new state", func() bool { return generations(e) == 2 })
	f.update(e)
	f.gets(e, hello)
	given := map[string]int{}
	for _, r := range f.asked(f.hub) {
		if r.Bytes > 0 && r.Status == 200 {
			given[r.URI]++
		}
	}
	for path, n := range map[string]int{rig.PackagesPath: 2, rig.ReleasePath: 2, hello: 1} {
		if given["debian/"+path] != n {
			t.Errorf("the hub gave %s %d times, expected %d: %v", path, given["debian/"+path], n, given)
		}
	}
	if n := strings.Count(e.Log(), "looking at all that is known"); n != 1 {
		t.Errorf("the edge looked at all it has %d times", n)
	}
	e.Fsck(t)
}

// TestVerbs: what an operator purges or refreshes at the hub is purged and refreshed at
// the edges that are granted it.
func TestVerbs(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	region := f.edge(f.hub, []string{"debian"}, "serve: true, repos: {debian: on-demand}")
	rack := f.edge(region, []string{"debian"}, "repos: {debian: on-demand}")
	f.update(rack)
	f.gets(rack, hello)
	f.gets(rack, world)
	f.following(rack)
	f.following(region)
	f.verb(f.hub, "purge", "debian/"+hello)
	f.eventually("it is purged everywhere", func() bool { return !f.has(region, hello) && !f.has(rack, hello) })
	if !f.has(rack, world) {
		t.Error("more was purged")
	}
	// A byte rots at the rack; a refresh finds that.
	damage(t, rack, rig.Content(2, 200<<10))
	f.verb(f.hub, "refresh", "debian/"+world)
	f.eventually("the rack has looked", func() bool { return strings.Contains(rack.Log(), "was not right any more") })
	f.gets(rack, world)
}

// damage changes a byte of a stored object.
func damage(t *testing.T, m *rig.Mirrord, data []byte) {
	t.Helper()
	sum := rig.Sum(data)
	file := filepath.Join(m.Data, "blobs/sha256", sum[:2], sum)
	data[100]++
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
