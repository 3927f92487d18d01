package upstream

import (
	"errors"
	"time"
)

const (
	// lanesFrom is the least size that is worth several requests.
	lanesFrom = 16 << 20
	// lanesMost bounds the connections of one object.
	lanesMost = 8
	// connectionsMost bounds those to one host: more is what its keepers forbid.
	connectionsMost = 4
	// A lane waits for an answer so many times as long as its mirror takes.
	laneLate = 5
	// A mirror that ignores Range is not asked for parts for so long.
	wholeFor = 10 * time.Minute
)

var (
	// ErrNoLane: no mirror has a connection to spare that would make it quicker.
	ErrNoLane = errors.New("no connection to spare")
	// ErrNoParts: no mirror that has the file serves ranges of it.
	ErrNoParts = errors.New("ranges are not served")
)

// A Part says that a Request is one of several for one object.
type Part int

// A Lead is asked for whatever is under way. A Lane only where a mirror has a
// connection to spare, of one mirror after another, once: else ErrNoLane.
const (
	NoPart Part = iota
	Lead
	Lane
)

// errIgnored is the answer of one mirror that ignores Range.
var errIgnored = errors.New("ignores ranges")

// Lanes is how many parts of a file of that size are worth fetching at once: as
// many as the hosts of mirrors that are well have connections. 1 where it is not worth it.
func (g *Group) Lanes(size int64) int {
	if size < lanesFrom {
		return 1
	}
	hosts := map[string]bool{}
	for _, m := range g.worthy() {
		if s, _ := m.breaker.state(); s == Closed {
			hosts[m.host] = true
		}
	}
	return min(max(len(hosts)*g.connections, 1), lanesMost)
}

// worthy are the mirrors that a lane may use, the best first: not what gave wrong
// bytes or stalled, what ignores ranges, or is under the floor beside the best.
func (g *Group) worthy() (fit []*mirror) {
	best := 0.0
	for _, m := range g.mirrors() {
		best = max(best, m.meter.throughput())
	}
	for _, m := range g.byCost(lanesFrom) {
		rate := m.meter.throughput()
		if m.breaker.suspect() || m.meter.isWhole() || rate > 0 && rate < floorShare*best {
			continue
		}
		fit = append(fit, m)
	}
	return fit
}

// without are the mirrors that are not among the avoided, where any are left.
func without(all []*mirror, avoid []string) []*mirror {
	var rest []*mirror
	for _, m := range all {
		avoided := false
		for _, label := range avoid {
			avoided = avoided || m.label == label
		}
		if !avoided {
			rest = append(rest, m)
		}
	}
	return rest
}

// laneLimit bounds the wait for a lane's answer: others could bring its part, and
// readers may wait for it.
func (t *meter) laneLimit() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(stallAfter, time.Duration(laneLate*t.first.value*float64(time.Second)))
}

// ignored notes that the mirror ignores Range.
func (t *meter) ignored() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.whole = t.now().Add(wholeFor)
}

func (t *meter) isWhole() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now().Before(t.whole)
}
