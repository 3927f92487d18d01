package campaign

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mirrord/test/disk"
)

// scratch is a place for many small files, in memory where there is one.
func scratch(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "mirrord-campaign-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// A court judges many disks at once, none of them twice.
type court struct {
	t       *testing.T
	w       *witness
	scratch string
	sema    chan struct{}
	wg      sync.WaitGroup

	mu      sync.Mutex
	seen    map[[sha256.Size]byte]bool // guarded by mu
	charges int                        // guarded by mu
}

func newCourt(t *testing.T, w *witness) *court {
	return &court{t: t, w: w, scratch: scratch(t), sema: make(chan struct{}, runtime.GOMAXPROCS(0)), seen: map[[sha256.Size]byte]bool{}}
}

// chargesMost is after how many disks that are wrong no further one is looked at.
const chargesMost = 5

// judge takes a disk; name says what happened to it.
func (c *court) judge(tree *disk.Tree, e expect, name func() string) {
	sum := tree.Sum()
	key := sha256.Sum256(fmt.Append(sum[:], e.key))
	c.mu.Lock()
	known := c.seen[key] || c.charges >= chargesMost
	c.seen[key] = true
	c.mu.Unlock()
	if known {
		return
	}
	c.sema <- struct{}{}
	c.wg.Go(func() {
		defer func() { <-c.sema }()
		if err := c.w.judge(tree, e, c.scratch); err != nil {
			c.mu.Lock()
			c.charges++
			c.mu.Unlock()
			c.t.Errorf("%s: %v", name(), err)
		}
	})
}

// close waits for the verdicts.
func (c *court) close() {
	c.t.Helper()
	c.wg.Wait()
	c.t.Logf("%d disks", len(c.seen))
}

// place says where in the history a cut is.
func place(log []disk.Op, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "after %d operations", n)
	for _, o := range log[max(0, n-3):n] {
		fmt.Fprintf(&b, "; %s", o)
	}
	return b.String()
}

// TestCuts ends a store's life between any two of the operations by which it changes
// its disk.
func TestCuts(t *testing.T) {
	rounds(t, func(t *testing.T, rnd *rand.Rand, s scope) {
		w, h, ok := life(t, rnd)
		if !ok {
			return
		}
		t.Run("kill", func(t *testing.T) { kills(t, w, h) })
		t.Run("recovery", func(t *testing.T) { recoveryCuts(t, w, h, rnd, s) })
		t.Run("offline", func(t *testing.T) { offlineAfter(t, w, h, rnd, s) })
		t.Run("power", func(t *testing.T) { powerCuts(t, w, h, rnd, s) }) // has no end before that of the soak
	})
}

// kills has the process die: nothing that was done is lost.
func kills(t *testing.T, w *witness, h *disk.History) {
	c := newCourt(t, w)
	defer c.close()
	for n := range len(h.Ops()) + 1 {
		c.judge(h.Cut(n, disk.Keep), w.expects(h.Ops(), n), func() string { return "killed " + place(h.Ops(), n) })
	}
}

// powerCuts takes the power away: of what no sync covers the disk may have all,
// nothing, names alone, bytes alone, all but one, one alone, or any part, and of a
// write any sectors.
func powerCuts(t *testing.T, w *witness, h *disk.History, rnd *rand.Rand, s scope) {
	c := newCourt(t, w)
	defer c.close()
	places := rnd.Perm(len(h.Ops()) + 1)
	for i, n := range places {
		if i > len(places)/powerStride && !s.all() {
			return
		}
		c.cut(h, n, w.expects(h.Ops(), n), rnd, s.all())
	}
}

// powerStride is at one of how many places the power is cut at least: a kill is at
// each.
const powerStride = 6

// Of each place of a history, at most so many disks where one operation is lost or
// left, and so many where chance has it; deep has more.
const singles, torn, torndeep = 2, 3, 20

// cut judges the disks that a power cut after n operations may leave.
func (c *court) cut(h *disk.History, n int, e expect, rnd *rand.Rand, deep bool) {
	try := func(name string, fate disk.Fate) {
		c.judge(h.Cut(n, fate), e, func() string { return name + " " + place(h.Ops(), n) })
	}
	try("all is lost", disk.Lose)
	try("names are left", disk.KeepNames)
	try("bytes are left", disk.KeepBytes)
	loose := h.Loose(n)
	rnd.Shuffle(len(loose), func(i, j int) { loose[i], loose[j] = loose[j], loose[i] })
	times := torn
	if deep {
		times = torndeep
	} else {
		loose = loose[:min(len(loose), singles)]
	}
	for _, i := range loose {
		op := h.Ops()[i]
		try(fmt.Sprintf("%q is lost", op), only(i, disk.Lose, disk.Keep))
		try(fmt.Sprintf("%q is left", op), only(i, disk.Keep, disk.Lose))
	}
	for range times {
		try("torn", disk.Tear(rnd))
	}
}

// only has one fate for the operation at a place, and another for the rest.
func only(place int, one, rest disk.Fate) disk.Fate {
	return func(at int, o disk.Op) []disk.Op {
		if at == place {
			return one(at, o)
		}
		return rest(at, o)
	}
}
