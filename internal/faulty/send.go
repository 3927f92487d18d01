package faulty

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// slab is the most that goes out between two looks at the clock; under a low
// rate it is a fiftieth of a second's worth, so that a slow stream is even.
const slab = 16 << 10

// An exchange is one request on its way through the server. Its handler's
// goroutine owns it; log is guarded by the server's mutex.
type exchange struct {
	s        *Server
	r        *http.Request
	w        http.ResponseWriter
	file     file
	found    bool
	answer   answer
	rate     int64
	released chan struct{}
	log      *Request
}

// pause waits for Release, the client's leaving or the timer, and says
// whether there is still someone to answer.
func (x *exchange) pause(timer <-chan time.Time) bool {
	select {
	case <-x.released:
		return true
	case <-timer:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

func (x *exchange) send() {
	if x.answer.framing == byClose || x.answer.framing == byLie {
		x.sendRaw()
		return
	}
	a := &x.answer
	for key, v := range a.header {
		x.w.Header()[key] = v
	}
	if a.status != http.StatusNotModified && a.framing == byLength {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	x.logStatus(a.status)
	x.w.WriteHeader(a.status)
	flush := func() { _ = http.NewResponseController(x.w).Flush() } // a client that left is seen by the next write
	if x.r.Method == http.MethodHead {
		return
	}
	if a.framing == byChunks {
		flush()
	}
	if x.body(x.w, flush) {
		return
	}
	if a.stop == reset && x.r.ProtoMajor == 1 {
		if conn, _, err := http.NewResponseController(x.w).Hijack(); err == nil {
			hangUp(conn)
			return
		}
	}
	panic(http.ErrAbortHandler)
}

// sendRaw writes the answer by hand, for what net/http would not let pass.
func (x *exchange) sendRaw() {
	a := &x.answer
	conn, buf, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.s.tb.Errorf("faulty: this fault needs HTTP/1.1: %v", err)
		return
	}
	defer x.s.own(conn)()
	x.logStatus(a.status)
	fmt.Fprintf(buf, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	_ = a.header.Write(buf) // write errors stay in buf and end the body
	if a.framing == byLie {
		fmt.Fprintf(buf, "Content-Length: %d\r\n", int64(len(a.body))+a.delta)
	}
	fmt.Fprint(buf, "Connection: close\r\n\r\n")
	flush := func() { _ = buf.Flush() }
	whole := x.r.Method == http.MethodHead || x.body(buf, flush)
	flush()
	if !whole && a.stop == reset {
		hangUp(conn)
		return
	}
	linger(conn, buf.Reader)
}

// own has Down close conn; the func it returns closes and forgets it.
func (s *Server) own(conn net.Conn) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw[conn] = true
	return func() {
		conn.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.raw, conn)
	}
}

// body sends the body and says whether it got to its end.
func (x *exchange) body(w io.Writer, flush func()) bool {
	a := &x.answer
	n := min(a.at, int64(len(a.body)))
	told := a.framing == byLength && n == int64(len(a.body)) // the client is done: stalling would only hold its idle connection
	if a.stop == never || a.stop == stall && told {
		return x.write(w, flush, a.body)
	}
	if !x.write(w, flush, a.body[:n]) {
		return false
	}
	flush()
	return a.stop == stall && x.pause(nil) && x.write(w, flush, a.body[n:])
}

// write sends p, no faster than the rate: each slab waits until it is due.
func (x *exchange) write(w io.Writer, flush func(), p []byte) bool {
	step := slab
	if x.rate > 0 {
		step = max(1, min(slab, int(x.rate/50)))
	}
	start, sent := time.Now(), 0
	for len(p) > 0 {
		n := min(step, len(p))
		sent += n
		if x.rate > 0 && !x.keepTo(start, sent) {
			return false
		}
		x.logBytes(n)
		done, err := w.Write(p[:n])
		if err != nil {
			x.logBytes(done - n)
			return false
		}
		p = p[n:]
		if x.rate > 0 {
			flush()
		}
	}
	return true
}

// keepTo waits until sent bytes are within the rate.
func (x *exchange) keepTo(start time.Time, sent int) bool {
	due := start.Add(time.Duration(float64(sent) / float64(x.rate) * float64(time.Second)))
	wait := time.Until(due)
	return wait <= 0 || x.pause(time.After(wait))
}

// hangUp closes with a reset: no FIN, unsent bytes dropped.
func hangUp(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0) // fails only on a connection that is gone
	}
	conn.Close()
}

// linger sends FIN and waits for the client to close too, a second at most:
// closing with unread bytes in the socket would turn FIN into a reset.
func linger(conn net.Conn, rest *bufio.Reader) {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = c.CloseWrite()                                 // an error here means it is closed already
	_ = c.SetReadDeadline(time.Now().Add(time.Second)) // the same
	_, _ = io.Copy(io.Discard, rest)                   // ends by FIN, reset or the deadline
}
