package campaign

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/disk"
	"mirrord/test/rig"
)

// start runs mirrord on the disk. Its cache holds a part of what it will be asked for.
func (w *witness) start() *rig.Mirrord {
	w.tb.Helper()
	return rig.Start(w.tb, rig.Config{
		Data:  filepath.Join(w.d.Dir, "data"),
		Extra: "cache: {max_size: 1000KiB, min_free: 0, abandoned: park}\n",
		Repos: w.repos(),
	})
}

// repos are one with files that nobody vouches for, one with packages, and a registry.
func (w *witness) repos() string {
	return fmt.Sprintf("- {name: files, type: generic, fresh: 0s, upstreams: [%q]}\n- {name: apt, type: apt, fresh: 0s, upstreams: [%q]}\n%s",
		w.u.URL+"/files", w.u.URL+"/apt", hub(fmt.Sprintf("[%q]", w.u.URL+"/hub")))
}

// generation publishes a suite with one package.
func (w *witness) generation(seed uint64, size int) (paths []string) {
	deb := fmt.Sprintf("pool/p%d.deb", seed)
	tree := rig.SmallTree(map[string][]byte{deb: rig.Content(seed, size)})
	for _, p := range []string{deb, rig.PackagesPath, rig.ReleasePath} {
		w.publish("apt/"+p, tree[p])
	}
	return []string{"apt/" + rig.ReleasePath, "apt/" + rig.PackagesPath, "apt/" + deb}
}

// leave has a client go after the first bytes of a path, and waits until what came
// by then is noted.
func (w *witness) leave(m *rig.Mirrord, path string) {
	w.tb.Helper()
	w.asks(path)
	before := w.d.Len()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, m.URL(path), nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.tb.Fatal(err)
	}
	_, err = io.CopyN(io.Discard, resp.Body, leftAfter)
	cancel()
	resp.Body.Close()
	if err != nil {
		w.tb.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if node, at, ok := noted(w.d.Log()[before:]); ok {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notes = append(w.notes, &note{at: before + at, until: math.MaxInt, name: path, node: node, bytes: leftAfter})
			return
		}
	}
	w.tb.Fatal("a download that was left is not noted")
}

// noted finds the file of a download that was left, and from where in the log on it
// is noted: a transaction, which is synced twice, after the file was.
func noted(log []disk.Op) (node disk.ID, at int, ok bool) {
	synced, steps := false, 0
	for i, o := range log {
		switch {
		case o.Kind == disk.Write && o.Below("data/partial"):
			node, synced = o.Node, false
		case o.Kind == disk.Sync && o.Node == node:
			synced, steps = true, 0
		case o.Kind == disk.Sync && o.Below("data/meta.db") && synced:
			if steps++; steps == 2 {
				return node, i + 1, true
			}
		}
	}
	return node, 0, false
}

// leftAfter is how much a client takes that leaves.
const leftAfter = 64 << 10

// life is what a store goes through: everything that changes its disk, one thing
// after the other, on a disk that records it.
func life(t *testing.T, rnd *rand.Rand) (w *witness, h *disk.History, ok bool) {
	d, ok := disk.Mount(t, disk.NewTree())
	if !ok {
		return nil, nil, false
	}
	w = newWitness(t, d)
	seed := rnd.Uint64()
	next := func(path string, size int) {
		seed++
		w.publish(path, rig.Content(seed, size))
	}
	next("files/small", 9_000)
	next("files/changing", 70_000)
	m := w.start()
	first := slices.Concat(w.generation(seed+1000, 50_000), w.image("1", seed+1000, 40_000))
	for _, p := range append(first, "files/small", "files/changing", "files/small") {
		w.get(m, p)
	}
	next("files/changing", 80_000)
	w.get(m, "files/changing")
	layer := w.image("2", seed+3000, 120_000)[2]
	w.partials(m, layer, next)
	for i := range 5 { // more than there is room for
		p := fmt.Sprintf("files/more%d", i)
		next(p, 150_000+rnd.IntN(50_000))
		w.get(m, p)
	}
	second := slices.Concat(w.generation(seed+2000, 60_000), w.image("1", seed+2000, 30_000))
	for _, p := range append(second, "files/small", "files/changing") {
		w.get(m, p)
	}
	w.verbs(m)
	m.Restart()
	w.get(m, "files/small")
	next("files/left", 200_000)
	w.u.Rate(1 << 20)
	w.leave(m, "files/left")
	m.Kill()
	w.u.Rate(0)
	m.Restart()
	w.get(m, "files/left")
	m.Stop()
	h = disk.NewHistory(disk.NewTree(), d.Log())
	w.lacks(h.Ops(), "files/resumed", "files/left", layer)
	return w, h, !t.Failed()
}

// verbs are what an operator does that changes what is stored.
func (w *witness) verbs(m *rig.Mirrord) {
	w.tb.Helper()
	for _, verb := range []string{
		"pin files/small", "snapshot create s", "purge files/changing", "purge hub/team/app:v1", "refresh files/small", "gc", "snapshot delete s", "unpin files/small",
	} {
		args := append(strings.Fields(verb), "--config", m.Config, "--server", m.URL())
		for _, path := range []string{"files/changing", tags + "1"} {
			w.purged(path)
		}
		if out, err := exec.Command(rig.Build(w.tb), args...).CombinedOutput(); err != nil {
			w.tb.Errorf("mirrord %s: %v: %s", verb, err, out)
		}
		for _, path := range []string{"files/small", "files/changing"} {
			w.get(m, path)
		}
	}
	w.get(m, tags+"1")
}

// lacks fails the test where a life was not as it was meant to be: one in which those
// paths were left and taken up again.
func (w *witness) lacks(log []disk.Op, left ...string) {
	w.tb.Helper()
	trash, void, notes := 0, 0, map[disk.ID]int{}
	for _, o := range log {
		switch {
		case o.Kind == disk.Rename && strings.HasPrefix(o.Path, blobs):
			trash++
		case o.Kind == disk.Truncate && o.Size == 0 && o.Below("data/partial"):
			void++
		case o.Kind == disk.Sync && o.Below("data/partial"):
			notes[o.Node]++
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(notes))); trash < 3 || void < 1 || most < 2 {
		w.tb.Errorf("%d objects were evicted, %d partials made void, and one noted %d times", trash, void, most)
	}
	for _, path := range left {
		if !slices.ContainsFunc(w.u.Requests(), func(r faulty.Request) bool { return r.Path == "/"+path && r.Range != "" }) {
			w.tb.Errorf("%s was not taken up again", path)
		}
	}
}

// partials has downloads be left, taken up again, made void by a new version, and
// noted while they go on.
func (w *witness) partials(m *rig.Mirrord, layer string, next func(string, int)) {
	w.tb.Helper()
	w.u.Rate(100 << 10) // a layer's readers wait half a second for its verdict
	w.leave(m, layer)
	w.u.Rate(1 << 20)
	for _, p := range []string{"files/resumed", "files/void"} {
		next(p, 200_000)
		w.leave(m, p)
	}
	next("files/void", 200_000)
	next("files/long", 110_000)
	w.u.Rate(40 << 10) // for longer than it takes until progress is noted
	w.get(m, "files/long")
	w.u.Rate(0)
	w.get(m, "files/resumed")
	w.get(m, "files/void")
	w.get(m, layer)
}
