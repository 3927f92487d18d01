package upstream

import (
	"math"
	"net/http"
	"sync"
	"time"
)

// crowdedFor is how long a host has fewer lanes that refused one more. What a server
// bears is configured there, and does not change in minutes.
const crowdedFor = 10 * time.Minute

// seats counts what is under way at each host, over all groups of a process: a host
// counts connections, whichever repository they are for. Nobody waits for a seat.
type seats struct {
	now func() time.Time

	mu    sync.Mutex
	hosts map[string]*host // by host:port; guarded by mu
}

// A host is in the table while something is under way there, or as long as it bears
// only so much. The table's mutex guards it.
type host struct {
	taken int       // requests and bodies under way
	lanes int       // of them, those of lanes
	most  int       // more it does not bear
	until time.Time // until then
}

func newSeats(now func() time.Time) *seats { return &seats{now: now, hosts: map[string]*host{}} }

// take counts what goes in any case; the func it returns, once, that it is over.
func (s *seats) take(addr string) func() {
	release, _ := s.seat(addr, 0, math.MaxInt)
	return release
}

// seize is take for a lane, false where there would be more than most.
func (s *seats) seize(addr string, most int) (release func(), ok bool) { return s.seat(addr, 1, most) }

func (s *seats) seat(addr string, lanes, most int) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[addr]
	if h == nil {
		h = &host{}
		s.hosts[addr] = h
	}
	if lanes > 0 && !h.spare(s.now(), most) {
		return nil, false
	}
	h.taken, h.lanes = h.taken+1, h.lanes+lanes
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		h.taken, h.lanes = h.taken-1, h.lanes-lanes
		if h.idle(s.now()) {
			delete(s.hosts, addr)
		}
	}), true
}

// spare says whether a lane would have a seat.
func (s *seats) spare(addr string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[addr]
	return h == nil || h.spare(s.now(), most)
}

func (h *host) spare(now time.Time, most int) bool {
	if now.Before(h.until) {
		most = min(most, h.most)
	}
	return h.taken < most
}

func (h *host) idle(now time.Time) bool { return h.taken == 0 && !now.Before(h.until) }

// crowded is told that the host refused a request, which has its seat yet, and says
// whether lanes may be why: then there are fewer of them for so long.
func (s *seats) crowded(addr string, d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, now := s.hosts[addr], s.now()
	if h == nil || h.lanes == 0 || h.taken < 2 {
		return false
	}
	most := h.taken - 1
	if now.Before(h.until) {
		most = min(most, h.most)
	}
	h.most, h.until = most, now.Add(d)
	for a, other := range s.hosts {
		if other.idle(now) {
			delete(s.hosts, a)
		}
	}
	return true
}

// busy: so a server says that it is asked too much at once.
func busy(code int) bool {
	return code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable
}

// hold counts a request to m and the body that it brings; the func it returns, once,
// that they are over.
func (g *Group) hold(m *mirror) func() {
	return both(m.meter.hold(), g.t.seats.take(m.host))
}

func both(a, b func()) func() { return func() { a(); b() } }

// elsewhere has an answer of m count at the host too that m led to; release is what
// it counts for already.
func (g *Group) elsewhere(m *mirror, r Request, resp *http.Response, release func()) (func(), error) {
	at := hostPort(resp.Request.URL)
	if at == m.host {
		return release, nil
	}
	if r.Part != Lane {
		return both(release, g.t.seats.take(at)), nil
	}
	leave, ok := g.t.seats.seize(at, g.connections)
	if !ok {
		return release, errElsewhere
	}
	return both(release, leave), nil
}

// seize is hold for a lane, nil where m's host has no connection to spare.
func (g *Group) seize(m *mirror) func() {
	leave, ok := g.t.seats.seize(m.host, g.connections)
	if !ok {
		return nil
	}
	return both(m.meter.hold(), leave)
}
