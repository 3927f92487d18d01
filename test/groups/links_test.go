package groups

import (
	"bytes"
	"testing"
	"time"

	"mirrord/test/rig"
)

// The lines of the mirrors: bits a second, all connections together, and latencies.
var links = []struct {
	bits  int64
	delay time.Duration
}{
	{60e6, 5 * time.Millisecond}, {30e6, 20 * time.Millisecond}, {30e6, 80 * time.Millisecond}, {20e6, 150 * time.Millisecond},
}

// buildLinks is build with each mirror behind a line of its own, nil where that
// cannot be.
func buildLinks(t *testing.T) (*yard, []*rig.Link) {
	y := &yard{tree: rig.NewTree(map[string][]byte{deb: content})}
	root := y.write(t)
	var lines []*rig.Link
	for _, l := range links {
		line := rig.StartLink(t, l.bits, l.delay)
		if line == nil {
			return nil, nil
		}
		n := rig.StartNginxOn(t, line, root)
		lines, y.nginx = append(lines, line), append(y.nginx, n)
		y.mirrors = append(y.mirrors, n.URL)
	}
	y.start(t, "")
	return y, lines
}

// TestLinksOfAllKinds: over real lines, of different speeds and latencies, a file comes
// sooner than over the best of them, and no byte comes twice.
func TestLinksOfAllKinds(t *testing.T) {
	const tries = 3
	best := 0.0
	for range tries {
		y, _ := buildLinks(t)
		if y == nil {
			return
		}
		direct := rig.Get(y.mirrors[0] + "/" + deb)
		if direct.Err != nil || !bytes.Equal(direct.Body, content) {
			t.Fatal(direct.How())
		}
		for _, n := range y.nginx {
			n.Reset()
		}
		took := y.ask(t, deb, content).Took
		t.Logf("over the best line %v, over all %v, %d bytes of %d", direct.Took, took, y.sent(), size)
		if n := y.sent(); n > size*102/100 {
			t.Fatalf("%d bytes were sent of a file of %d", n, size)
		}
		if best = max(best, direct.Took.Seconds()/took.Seconds()); best >= 1.6 {
			y.m.Fsck(t)
			return
		}
	}
	t.Errorf("at best %.1f times as fast as the best line, expected 1.6 of 2.3", best)
}

// TestALineGoesDark: the best line passes nothing more, and nobody is told.
func TestALineGoesDark(t *testing.T) {
	y, lines := buildLinks(t)
	if y == nil {
		return
	}
	got, pause, err := y.watched(t, size/4, lines[0].Cut)
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	t.Logf("the longest pause was %v", pause)
	if pause > 8*time.Second { // 1 s, and what a busy machine adds; the idle time-out is 20 s
		t.Errorf("waited for %v", pause)
	}
}
