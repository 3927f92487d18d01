package mirror

import (
	"slices"
	"testing"
	"time"
)

// TestClockSteps: whatever a clock was set to while mirrord was down, what upstream has
// now is served, and what was stored counts.
func TestClockSteps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, step := range map[string]time.Duration{
		"ten years back": -10 * year, "ten years on": 10 * year, "an hour back": -time.Hour, "an hour on": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, 1)
			a := newArchive("1", "hello").seal(monday)
			a.publish(h.ups[0])
			h.ups[0].Set("/f", []byte("old"))
			h.update(nil, a)
			p, data := a.deb("hello", "1")
			h.wants(nil, p, data)
			h.wantsFile("f", "old")
			published := monday
			for _, step := range []time.Duration{step, -step} { // there, and back again
				h.stop()
				h.advance(step)
				h.start()
				published = published.Add(time.Hour)
				b := newArchive("1", "hello").seal(published)
				b.publish(h.ups[0])
				h.ups[0].Set("/f", []byte(step.String()))
				h.asked()
				h.update(nil, b)
				h.wants(nil, p, data)
				h.wantsFile("f", step.String())
				if got := h.asked(); slices.Contains(got, p+" 200") {
					t.Errorf("asked for what is stored: %v", got)
				}
			}
		})
	}
}
