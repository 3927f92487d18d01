package groups

import (
	"fmt"
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestFourMirrors: a cold file comes from four mirrors at least three times as
// fast as from one, and no mirror is asked over more than one connection.
func TestFourMirrors(t *testing.T) {
	const tries = 3 // machines of CI stall
	best := 0.0
	for range tries {
		y := build(t, 4, "")
		direct := y.direct(t)
		for _, n := range y.nginx {
			n.Reset()
		}
		took := y.ask(t, deb, content).Took
		t.Logf("direct %v, through mirrord %v, %d bytes of %d", direct, took, y.sent(), size)
		if n := y.sent(); n > size*102/100 {
			t.Fatalf("%d bytes were sent of a file of %d", n, size)
		}
		for i, l := range y.lines {
			if i > 0 && l.Most() > 2 { // one for roots and indexes may stand idle beside it
				t.Errorf("%d connections to mirror %d", l.Most(), i)
			}
		}
		if best = max(best, direct.Seconds()/took.Seconds()); best >= 3 {
			y.m.Fsck(t)
			return
		}
	}
	t.Errorf("at best %.1f times as fast as one mirror, expected 3", best)
}

// TestConnections: one mirror that allows several connections is used over as many
// as are configured.
func TestConnections(t *testing.T) {
	const tries, connections = 3, 4
	alone := float64(size) / rate // seconds over one
	best := 0.0
	for range tries {
		y := build(t, 1, fmt.Sprintf(", connections: %d", connections))
		took := y.ask(t, deb, content).Took.Seconds()
		t.Logf("%.1f s over at most %d connections, %.1f s over one", took, y.lines[0].Most(), alone)
		if n := y.sent(); n > size*102/100 || y.lines[0].Most() > connections {
			t.Fatalf("%d bytes of %d were sent, over %d connections at once", n, size, y.lines[0].Most())
		}
		if best = max(best, alone/took); best >= 2 {
			return
		}
	}
	t.Errorf("at best %.1f times as fast as one connection, expected 2", best)
}

// TestCap: a repository's rate holds for all its connections together.
func TestCap(t *testing.T) {
	y := build(t, 4, ", rate: 16MB/s")
	took := y.ask(t, deb, content).Took.Seconds()
	if least := float64(size) / 16e6 * 0.95; took < least {
		t.Errorf("took %.2f s, expected at least %.2f", took, least)
	}
}

// TestFarMirrors: mirrors at the far end of quick lines are worth it too, though each
// part costs a question.
func TestFarMirrors(t *testing.T) {
	const tries, far, quick = 3, 60 * time.Millisecond, 30_000_000
	best := 0.0
	for range tries {
		y := &yard{tree: rig.NewTree(map[string][]byte{deb: content})}
		root := y.write(t)
		for range 3 {
			n := rig.StartNginx(t, root)
			line := rig.StartFar(t, n, quick, far)
			y.nginx, y.lines, y.mirrors = append(y.nginx, n), append(y.lines, line), append(y.mirrors, line.URL)
		}
		y.start(t, "")
		direct := y.direct(t)
		for _, n := range y.nginx {
			n.Reset()
		}
		took := y.ask(t, deb, content).Took
		t.Logf("direct %v, through mirrord %v, %d bytes of %d", direct, took, y.sent(), size)
		if best = max(best, direct.Seconds()/took.Seconds()); best >= 1.5 {
			return
		}
	}
	t.Errorf("at best %.1f times as fast as one mirror, expected 1.5", best)
}
