package apt_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestRepublishing: upstream is brought up to date file by file, twenty times,
// roots first as often as indexes first, while two clients update and download
// again and again. No update and no download fails.
func TestRepublishing(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	const publications, runsAtLeast = 20, 15
	s := newStage(t, rig.Layout{}, 1)
	version := func(n int) rig.Package { return rig.Package{Name: "app", Version: fmt.Sprintf("1.%d", n)} }
	s.sites[0].Publish(s.Build(version(0)))

	var clients sync.WaitGroup
	stop := make(chan struct{})
	runs := make([]int, 2)
	for i := range runs {
		c := s.client("")
		clients.Go(func() {
			for done := false; !done || runs[i] < runsAtLeast; runs[i]++ {
				if what := brokenRun(c); what != "" {
					t.Errorf("client %d, run %d: %s", i, runs[i], what)
					return
				}
				select {
				case <-stop:
					done = true
				default:
				}
			}
		})
	}
	// Longer than fresh now and then, so that updates come in the middle.
	pause := func() { time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond) }
	var last rig.Package
	for n := range publications {
		last = version(n + 1)
		g := s.Build(last)
		s.sites[0].Put(g, g.Pool)
		halves := [][]string{g.Indexes, g.Roots}
		if n%2 == 1 {
			halves[0], halves[1] = g.Roots, g.Indexes
		}
		for _, half := range halves {
			s.sites[0].Put(g, half)
			pause()
		}
	}
	close(stop)
	clients.Wait()
	// Else nothing was proved.
	if got := strings.Count(s.m.Log(), "half-synchronised"); got == 0 {
		t.Error("mirrord never saw upstream half-synchronised")
	}
	if got := strings.Count(s.m.Log(), "generation is current"); got < 3 {
		t.Errorf("mirrord took %d generations of %d", got, publications)
	}

	c := s.client("")
	s.eventually("the last version comes", func() bool {
		c.Must("update")
		return versionOf(c, last) == last.Version
	})
	s.m.Fsck(t)
}

// brokenRun updates and downloads, and tells what went wrong.
func brokenRun(c *rig.Apt) string {
	for _, args := range [][]string{{"update"}, {"download", "app"}} {
		out, err := c.Get(args...)
		if err != nil || strings.Contains(out, mismatch) {
			return fmt.Sprintf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return ""
}
