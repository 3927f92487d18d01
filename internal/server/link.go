package server

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// link is a client's connection as a stop sees it: what may be closed, what has to
// be waited for, and what needs the mirror no more.
type link struct {
	tcp   *net.TCPConn
	tls   bool
	since time.Time
	state atomic.Int32
	// streams counts the requests of HTTP/2 that need the mirror; under HTTP/1 the state
	// tells of the one that there can be.
	streams atomic.Int64
	two     atomic.Bool // it is HTTP/2
}

// The states of a link. Whoever brings it from one that rests to one that does not
// has to win that against a stop.
const (
	fresh   int32 = iota // nothing was asked yet
	resting              // between two requests
	looking              // a plain request is looked up without net/http
	sending              // a hit is sent without it
	asking               // net/http has a request, or a part of one
	copying              // net/http sends what is stored
	gone                 // no request begins any more
)

// freshFor is how long a connection on which nothing was asked is waited for: two
// round trips and a TLS handshake, however far away.
const freshFor = 2 * time.Second

// move goes to a state from one of those given, and reports whether it was in one.
func (l *link) move(to int32, from ...int32) bool {
	for _, f := range from {
		if l.state.CompareAndSwap(f, to) {
			return true
		}
	}
	return false
}

// ask notes that net/http is given a part of a request; false where it is too late
// for one.
func (l *link) ask() bool { return l.move(asking, resting, fresh) || l.state.Load() != gone }

// needs reports whether something may be asked of the mirror yet for what was begun.
func (l *link) needs() bool {
	switch l.state.Load() {
	case fresh:
		return time.Since(l.since) < freshFor
	case looking:
		return true
	case asking:
		return !l.two.Load() || l.streams.Load() > 0
	}
	return false
}

// end closes the link where nothing is under way on it. TLS is left to net/http, which
// says good-bye in the protocol's own words.
func (l *link) end() {
	old := l.state.Load() == fresh && time.Since(l.since) >= freshFor
	if old && l.move(gone, fresh) || !l.tls && l.move(gone, resting) {
		l.tcp.Close()
	}
}

// links are all connections.
type links struct {
	mu  sync.Mutex
	all map[*link]struct{} // guarded by mu
}

func (s *links) add(tcp *net.TCPConn, tls bool) *link {
	l := &link{tcp: tcp, tls: tls, since: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*link]struct{})
	}
	s.all[l] = struct{}{}
	return l
}

func (s *links) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, l)
}

// any reports whether there is one of which fn is true.
func (s *links) any(fn func(*link) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.all {
		if fn(l) {
			return true
		}
	}
	return false
}

// sweep ends those that rest and tells how many there are yet.
func (s *links) sweep() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.all {
		l.end()
	}
	return len(s.all)
}

// stateChanged is the server's ConnState hook.
func (s *server) stateChanged(c net.Conn, state http.ConnState) {
	if own, ok := c.(*conn); ok {
		own.idle.Store(state == http.StateNew || state == http.StateIdle)
	}
	l := linkOf(c)
	if l == nil {
		return
	}
	switch state {
	case http.StateActive:
		l.ask()
	case http.StateIdle:
		l.move(resting, asking, copying)
	case http.StateClosed, http.StateHijacked:
		s.links.remove(l)
	}
}

// counted tells the link of HTTP/2's requests, and sends away those that come when
// the mirror is another process's.
func (s *server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := peerOf(r); r.ProtoMajor >= 2 && p.link != nil {
			p.link.two.Store(true)
			p.link.streams.Add(1)
			ex := &exchange{patient: patient{ResponseWriter: w, rc: http.NewResponseController(w), stall: s.waits.stall}, link: p.link}
			defer ex.settle()
			w = ex
		}
		if s.leaving.Load() {
			w.Header().Set("Connection", "close") // net/http says so in HTTP/2's words there
		}
		if s.handed.Load() {
			late(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// exchange is a request of HTTP/2 and its answer.
type exchange struct {
	patient
	link    *link
	settled bool
}

// settle says that the mirror is needed no more.
func (ex *exchange) settle() {
	if !ex.settled {
		ex.settled = true
		ex.link.streams.Add(-1)
	}
}

// settle is called when what is left to do is to send what is stored.
func settle(w http.ResponseWriter, r *http.Request) {
	if ex := find[*exchange](w); ex != nil {
		ex.settle()
	} else if l := peerOf(r).link; l != nil {
		l.move(copying, asking)
	}
}

// find looks for a T among w and the writers under it.
func find[T http.ResponseWriter](w http.ResponseWriter) (none T) {
	for {
		switch t := w.(type) {
		case T:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return none
		}
	}
}

// late sends a client to itself: on the connection that it makes for that another
// process answers. HTTP/2 was told before that this one takes no more requests.
func late(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		w.Header().Set("Location", r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "mirrord is being restarted", http.StatusServiceUnavailable)
}
