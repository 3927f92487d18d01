package upstream

import (
	"errors"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// lanesFrom is the least size that is worth several requests.
	lanesFrom = 16 << 20
	// partLeast is what a lane brings at a time, at least.
	partLeast = 4 << 20
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

// errElsewhere is the answer of one that leads to a host without a connection to spare.
var errElsewhere = errors.New("leads to a host that has no connection to spare")

// errIgnored is the answer of one mirror that ignores Range.
var errIgnored = errors.New("ignores ranges")

// Lanes is how many parts of a file of that size are worth fetching at once: as
// many as the hosts of mirrors that are well have connections. 1 where it is not worth it.
func (g *Group) Lanes(size int64) int {
	if size < lanesFrom || g.cap != nil && g.best() >= float64(g.cap.Limit()) {
		return 1
	}
	hosts := map[string]bool{}
	for _, m := range g.worthy(Request{Size: size, End: partLeast}) {
		if s, _ := m.breaker.state(); s == Closed {
			hosts[m.host] = true
		}
	}
	return min(max(len(hosts)*g.connections, 1), lanesMost)
}

// worthy are the mirrors that a lane may use for the part, the best first: not what
// gave wrong bytes or stalled, what ignores ranges, is under the floor beside the
// best, or would bring the part when the others had brought it and all the rest.
func (g *Group) worthy(r Request) (fit []*mirror) {
	best, all, first, hubLeads := g.best(), 0.0, 0.0, g.hubLeads()
	for i, m := range g.mirrors() {
		if s, _ := m.breaker.state(); s == Closed && !m.breaker.suspect() {
			all += m.meter.throughput() * float64(g.connections)
		}
		if wait := m.meter.wait(0); i == 0 || wait < first {
			first = wait
		}
	}
	for _, m := range g.byCost(lanesFrom) {
		rate := m.meter.throughput()
		if hubLeads && !m.hub || m.breaker.suspect() || m.meter.isWhole() || rate > 0 && rate < floorShare*best {
			continue
		}
		part, rest := float64(r.End-r.Off), float64(r.Size-r.Off)
		others := math.Inf(1) // it is not known what they bring
		if all > rate {
			others = first + rest/(all-rate) + part/best
		}
		takes := m.meter.wait(stallAfter)
		if rate > 0 {
			takes += part / rate
		}
		if takes <= others {
			fit = append(fit, m)
		}
	}
	return fit
}

// wait is the seconds until an answer comes, unknown where the mirror never gave one.
func (t *meter) wait(unknown time.Duration) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.first.known {
		return unknown.Seconds()
	}
	return t.first.value
}

// Lacks keeps which mirrors have not a file, or not as it is wanted, so that parts of
// it are not asked of them again and again. The zero value, and nil, know of none.
type Lacks struct {
	mu sync.Mutex
	at []lack // guarded by mu
}

type lack struct{ mirror, path string }

func (l *Lacks) add(mirror, path string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := (lack{mirror, path}); !slices.Contains(l.at, at) {
		l.at = append(l.at, at)
	}
}

func (l *Lacks) mirrors(path string) (all []string) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.at {
		if at.path == path {
			all = append(all, at.mirror)
		}
	}
	return all
}

// without are the mirrors that are not among the avoided, where any are left.
func without(all []*mirror, avoid []string) []*mirror {
	var rest []*mirror
	for _, m := range all {
		if !slices.Contains(avoid, m.label) {
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
