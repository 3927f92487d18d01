package rig

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Throttle is a line to an address: what comes back over one connection passes at
// so many bytes a second, from the first on. (nginx's limit_rate lets each
// answer's first second through at once.)
type Throttle struct {
	URL  string
	Rate atomic.Int64 // bytes a second of one connection

	delay time.Duration // by which all comes back later

	to     string
	listen net.Listener
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex // guards both below
	conns map[net.Conn]bool
	open  int // the most connections at once
}

// throttleStep is how much passes at a time: 2 ms at 8 MB/s.
const throttleStep = 16 << 10

// StartThrottle opens the line to n until the test ends.
func StartThrottle(tb testing.TB, n *Nginx, rate int64) *Throttle {
	tb.Helper()
	return StartFar(tb, n, rate, 0)
}

// StartFar is StartThrottle to a server that is so far away: what netem would do, where
// the kernel has none.
func StartFar(tb testing.TB, n *Nginx, rate int64, delay time.Duration) *Throttle {
	tb.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	t := &Throttle{URL: "http://" + l.Addr().String(), to: n.addr, delay: delay, listen: l, conns: map[net.Conn]bool{}}
	t.Rate.Store(rate)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.wg.Go(t.accept)
	tb.Cleanup(t.Cut)
	return t
}

func (t *Throttle) accept() {
	for {
		c, err := t.listen.Accept()
		if err != nil {
			return
		}
		t.wg.Go(func() { t.relay(c) })
	}
}

// Most is how many connections there were at once, at most.
func (t *Throttle) Most() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// Cut breaks every connection and takes no new ones.
func (t *Throttle) Cut() {
	t.cancel()
	t.listen.Close()
	t.mu.Lock()
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	t.wg.Wait()
}

func (t *Throttle) own(c net.Conn) (ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		c.Close()
		return false
	}
	t.conns[c] = true
	t.open = max(t.open, len(t.conns)/2)
	return true
}

func (t *Throttle) disown(c net.Conn) {
	c.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

func (t *Throttle) relay(client net.Conn) {
	if !t.own(client) {
		return
	}
	defer t.disown(client)
	server, err := net.Dial("tcp", t.to)
	if err != nil || !t.own(server) {
		return
	}
	defer t.disown(server)
	// Small buffers: what lies in them came faster than the line.
	_ = server.(*net.TCPConn).SetReadBuffer(throttleStep)
	t.wg.Go(func() {
		_, _ = io.Copy(server, client) // ends with either side
		server.Close()
	})
	t.pass(client, server)
}

// A step is bytes on their way, and when they are there.
type step struct {
	bytes []byte
	due   time.Time
}

// pass lets bytes through, each step when it is due.
func (t *Throttle) pass(to io.Writer, from io.Reader) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	onTheWay := t.delay.Seconds() * float64(t.Rate.Load()) / throttleStep
	line := make(chan step, int(onTheWay)+1)
	t.wg.Go(func() {
		defer close(line)
		due := time.Now()
		for {
			buf := make([]byte, throttleStep)
			n, err := from.Read(buf)
			if now := time.Now(); due.Before(now.Add(-20 * time.Millisecond)) {
				due = now // what was not used is lost
			}
			due = due.Add(time.Duration(n) * time.Second / time.Duration(t.Rate.Load()))
			select {
			case line <- step{buf[:n], due.Add(t.delay)}:
			case <-ctx.Done():
				return
			}
			if err != nil || sleepUntil(ctx, due) != nil {
				return
			}
		}
	})
	for s := range line {
		if sleepUntil(ctx, s.due) != nil {
			return
		}
		if _, err := to.Write(s.bytes); err != nil {
			return
		}
	}
}

var errCutOff = errors.New("cut off")

func sleepUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return errCutOff
	case <-time.After(time.Until(at)):
		return nil
	}
}
