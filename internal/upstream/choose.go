package upstream

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"time"
)

const (
	// The order of the configuration is the prior: each place further down it has
	// to be better by this to be preferred. Less is noise.
	placeShare = 0.1
	placeTime  = 5 * time.Millisecond
	// A measure is believed for this long. One request in tryEvery goes first to
	// a mirror of which there is none.
	measuredFor = 10 * time.Minute
	tryEvery    = 20
	// However often a mirror fails, that makes it no more than ten times as slow:
	// what is down is the breaker's business.
	failingMost = 0.9
)

// chosen are the mirrors that r may use, the best first: by the time that they
// are expected to take, and those whose bytes were wrong of late last.
func (g *Group) chosen(method string, r Request) []*mirror {
	if r.Mirror != "" {
		return slices.DeleteFunc(slices.Clone(g.mirrors()), func(m *mirror) bool { return m.label != r.Mirror })
	}
	order := g.byCost(r.bytes(method))
	lacks := r.Lacks.mirrors(r.Path)
	if r.Part == Lane {
		order = without(g.worthy(r), lacks)
	}
	if left := without(order, r.Avoid); len(left) > 0 || r.Part == Lane {
		order = left
	}
	spare := map[*mirror]bool{} // where a lead is not one more than there may be
	if r.Part == Lead {
		for _, m := range g.worthy(r) {
			spare[m] = g.t.seats.spare(m.host, g.connections)
		}
	}
	has := func(m *mirror) bool { return !slices.Contains(lacks, m.label) }
	continues := func(m *mirror) bool { return r.Off > 0 && !r.Pinned && m.label == r.HeldFrom }
	slices.SortStableFunc(order, func(a, b *mirror) int {
		return cmp.Or(
			// Elsewhere the file may have to begin anew.
			trueFirst(continues(a), continues(b)),
			trueFirst(!a.breaker.suspect(), !b.breaker.suspect()),
			trueFirst(r.Part == NoPart || !a.meter.isWhole(), r.Part == NoPart || !b.meter.isWhole()),
			trueFirst(has(a), has(b)),
			trueFirst(spare[a], spare[b]),
		)
	})
	return order
}

// bytes is how much r brings where that is known, else 0: then latency counts.
func (r Request) bytes(method string) int64 {
	end := r.Size
	if r.End > 0 && (end < 0 || r.End < end) {
		end = r.End
	}
	if method == http.MethodHead || end < 0 {
		return 0
	}
	return max(0, end-r.Off)
}

func trueFirst(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// byCost are all mirrors in the order of the time that size bytes would take, after the
// hub.
func (g *Group) byCost(size int64) []*mirror {
	order := slices.Clone(g.mirrors())
	if len(order) == 1 {
		return order
	}
	best := g.best()
	costs := make(map[*mirror]float64, len(order))
	for i, m := range order {
		if m.hub {
			continue // it costs nothing
		}
		costs[m] = m.meter.cost(size, best)*(1+placeShare*float64(i)) + placeTime.Seconds()*float64(i)
	}
	slices.SortStableFunc(order, func(a, b *mirror) int { return cmp.Compare(costs[a], costs[b]) })
	return order
}

// best is the throughput of the quickest mirror, 0 unknown.
func (g *Group) best() (rate float64) {
	for _, m := range g.mirrors() {
		rate = max(rate, m.meter.throughput())
	}
	return rate
}

// cost is the seconds that size bytes are expected to take beside what is under
// way; infinite where the mirror never answered. Where its throughput is not
// known it is taken to be rate.
func (t *meter) cost(size int64, rate float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.first.known {
		return math.Inf(1)
	}
	if known := t.rate(); known > 0 {
		rate = known
	}
	seconds := t.first.value
	if rate > 0 {
		seconds += float64(size) * float64(t.active+1) / rate
	}
	return seconds / (1 - min(t.failing.value, failingMost))
}

// withTry puts a mirror in front, once in a while, of which there is no measure.
// Only where a digest judges: elsewhere another mirror may be another version. Of
// parts, lanes try whom nobody knows.
func (g *Group) withTry(order []*mirror, r Request) []*mirror {
	if len(order) < 2 || order[0].hub || !r.Pinned || r.Mirror != "" || r.Patience > 0 || r.Part != NoPart || g.requests.Add(1)%tryEvery != 0 {
		return order
	}
	now := g.t.now()
	for i, m := range order {
		used := m.meter.lastUsed()
		s, _ := m.breaker.state()
		if s == Closed && !m.breaker.suspect() && (used.IsZero() || now.Sub(used) > measuredFor) {
			return slices.Concat([]*mirror{m}, order[:i], order[i+1:])
		}
	}
	return order
}

// Behind has a mirror passed over for roots until then: it served an older one
// than the newest that is known. A time that is past ends that.
func (g *Group) Behind(mirror string, until time.Time) {
	for _, m := range g.mirrors() {
		if m.label == mirror {
			m.meter.fellBehind(until)
		}
	}
}

// Mirrors lists the labels in the present order of preference for a root: the
// quickest to answer first; those whose breaker is open, whose bytes were wrong,
// or that are behind the others last.
func (g *Group) Mirrors() []string {
	var out, last []string
	for _, m := range g.byCost(0) {
		s, _ := m.breaker.state()
		if s == Open || m.breaker.suspect() || m.meter.isBehind() && !m.hub {
			last = append(last, m.label)
		} else {
			out = append(out, m.label)
		}
	}
	return append(out, last...)
}
