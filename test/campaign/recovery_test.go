package campaign

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/disk"
	"mirrord/test/rig"
)

// unfinished reports a disk on which recovery has something to do.
func unfinished(tree *disk.Tree) (found bool) {
	tree.Walk(func(path string, _ bool, _ uint32, _ []byte) {
		dir, name := filepath.Split(path)
		found = found || dir == "data/trash/" || dir == "data/partial/" && strings.Contains(name, ".")
	})
	return found
}

// Of the starts that have something to recover, so many are cut short themselves;
// deep has more.
const recoveries, recoveriesDeep = 10, 60

// recoveryCuts has the next start, too, be cut short between any two operations, by
// a kill and by the power.
func recoveryCuts(t *testing.T, w *witness, h *disk.History, rnd *rand.Rand, s scope) {
	most := recoveries
	if s.deep {
		most = recoveriesDeep
	}
	c := newCourt(t, w)
	defer c.close()
	for _, n := range rnd.Perm(len(h.Ops()) + 1) {
		fate := []disk.Fate{disk.Keep, disk.Lose, disk.Tear(rnd)}[rnd.IntN(3)]
		tree := h.Cut(n, fate)
		if !unfinished(tree) {
			continue
		}
		again := recovered(t, tree)
		e := w.expects(h.Ops(), n)
		for k := range len(again.Ops()) + 1 {
			c.judge(again.Cut(k, disk.Keep), e, func() string { return place(h.Ops(), n) + "; then killed " + place(again.Ops(), k) })
			c.judge(again.Cut(k, disk.Lose), e, func() string { return place(h.Ops(), n) + "; then all is lost " + place(again.Ops(), k) })
			c.judge(again.Cut(k, disk.Tear(rnd)), e, func() string { return place(h.Ops(), n) + "; then torn " + place(again.Ops(), k) })
		}
		if most--; most == 0 || t.Failed() {
			return
		}
	}
}

// recovered is what a start does on a disk.
func recovered(t *testing.T, tree *disk.Tree) *disk.History {
	d, ok := disk.Mount(t, tree.Clone())
	if !ok {
		t.FailNow() // it could be mounted a moment ago
	}
	out, err := exec.Command(rig.Build(t), "fsck", "--data", filepath.Join(d.Dir, "data")).CombinedOutput()
	if err != nil {
		t.Errorf("fsck: %v: %s", err, out)
	}
	return disk.NewHistory(tree, d.Log())
}

// Of the disks after a cut so many are served from; deep has more.
const offlines, offlinesDeep = 6, 40

// offlineAfter serves what is left without an upstream: the files of a suite must
// be of one state, and what was acknowledged must be there.
func offlineAfter(t *testing.T, w *witness, h *disk.History, rnd *rand.Rand, s scope) {
	most := offlines
	if s.deep {
		most = offlinesDeep
	}
	parent := scratch(t)
	for _, n := range rnd.Perm(len(h.Ops()) + 1) {
		e := w.expects(h.Ops(), n)
		if _, ok := e.acked["apt/"+rig.ReleasePath]; !ok {
			continue
		}
		dir, err := os.MkdirTemp(parent, "")
		if err == nil {
			err = h.Cut(n, disk.Tear(rnd)).WriteTo(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := w.offline(t, filepath.Join(dir, "data"), e); err != nil {
			t.Errorf("torn %s: %v", place(h.Ops(), n), err)
		}
		if most--; most == 0 || t.Failed() {
			return
		}
	}
}

// offline serves a data directory and says what is wrong with it.
func (w *witness) offline(t *testing.T, data string, e expect) error {
	m := rig.Start(t, rig.Config{Data: data, Repos: w.repos(), Extra: "offline: true\n"})
	defer m.Stop()
	served := map[string]int{}
	for p, v := range w.published() {
		r := rig.Get(m.URL(p))
		must, acked := e.acked[p]
		if r.Status == http.StatusGatewayTimeout && !acked {
			continue // it was not stored yet, or is not any more
		}
		at, whole := w.which(p, r.Body)
		least, _ := w.which(p, must.data)
		if r.Err != nil || r.Status != http.StatusOK || !whole || at < least {
			return fmt.Errorf("%s: version %d of %d, expected %d at least: %s: %.200q", p, at, len(v), least, r.How(), r.Body)
		}
		served[p] = at
	}
	release, ok := served["apt/"+rig.ReleasePath]
	if packages, both := served["apt/"+rig.PackagesPath]; ok && both && release != packages {
		return fmt.Errorf("Release is of version %d and Packages of %d", release, packages)
	}
	return nil
}
