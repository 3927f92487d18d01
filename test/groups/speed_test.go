package groups

import "testing"

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
