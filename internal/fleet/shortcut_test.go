package fleet

import (
	"testing"
	"time"
)

func TestSooner(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		whole, delta  int64
		link, rebuild float64
		want          bool
	}{
		"a thin link":               {10 * mb, 1 * mb, 1 * mb, 2 * mb, true},
		"a fast link":               {10 * mb, 1 * mb, 100 * mb, 2 * mb, false},
		"a delta of half the size":  {10 * mb, 5 * mb, 1 * mb, 2 * mb, false},
		"an unknown link":           {10 * mb, 1, 0, 2 * mb, false},
		"a fast link and a machine": {10 * mb, 1 * mb, 12 * mb, 40 * mb, true},
	} {
		if got := sooner(c.whole, c.delta, c.link, c.rebuild); got != c.want {
			t.Errorf("%s: %v, expected %v", name, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	var p pace
	if p.get() != firstRate {
		t.Errorf("%v before anything was measured", p.get())
	}
	p.note(100, time.Second)
	p.note(200, 0)
	if p.get() != 100 {
		t.Errorf("%v, expected the first figure", p.get())
	}
	p.note(500, time.Second)
	if p.get() != 200 {
		t.Errorf("%v, expected a quarter of the way", p.get())
	}
}
