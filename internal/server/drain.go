package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// pollEvery is how soon a stop sees that something has ended.
const pollEvery = 2 * time.Millisecond

// Drain has /readyz tell that this server is to get no more requests.
func (s Server) Drain() { s.s.draining.Store(true) }

// ready is the answer at /readyz.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

// Busy counts the connections on which something is under way.
func (s Server) Busy() (n int) {
	s.s.links.any(func(l *link) bool {
		if at := l.state.Load(); at != fresh && at != resting && at != gone {
			n++
		}
		return false
	})
	return n
}

// Quiet reports whether nothing that was asked needs the mirror at the moment.
func (s Server) Quiet() bool {
	return !s.s.links.any(func(l *link) bool { return l.state.Load() != fresh && l.needs() })
}

// Shutdown takes no more connections, ends those that rest and waits, until ctx
// ends, for those that do not.
func (s Server) Shutdown(ctx context.Context) error {
	s.leave()
	// net/http's own Shutdown throws away what was asked and is not read yet.
	err := s.s.settled(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Server.Shutdown(ctx) }()
	for s.s.links.sweep() > 0 && err == nil {
		err = pause(ctx)
	}
	return errors.Join(<-done, err)
}

// Settle takes no more connections and waits, until ctx ends, until nothing needs the
// mirror any more, so that another process can have it: what is still sent then is
// stored, and open. From then on, also where ctx has ended, who asks is sent away.
func (s Server) Settle(ctx context.Context) error {
	s.leave()
	err := s.s.settled(ctx)
	s.s.handed.Store(true)
	if err == nil {
		err = s.s.settled(ctx) // who began before that may go on
	}
	return err
}

// leave returns when no connection comes any more and every one that came has a link.
func (s Server) leave() {
	s.Drain()
	s.s.leaving.Store(true)
	s.s.listeners.close()
}

// settled waits until no link needs the mirror.
func (s *server) settled(ctx context.Context) (err error) {
	for err == nil {
		s.links.sweep()
		if !s.links.any((*link).needs) {
			return nil
		}
		err = pause(ctx)
	}
	return err
}

// listeners are those that are served.
type listeners struct {
	served sync.WaitGroup

	mu     sync.Mutex
	all    []net.Listener // guarded by mu
	closed bool           // guarded by mu
}

// serve serves one; after close it returns at once.
func (s *listeners) serve(l net.Listener, serve func(net.Listener) error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		l.Close()
		return http.ErrServerClosed
	}
	s.all = append(s.all, l)
	s.served.Add(1)
	s.mu.Unlock()
	defer s.served.Done()
	return serve(l)
}

// close closes them and waits until they are served no more.
func (s *listeners) close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.all {
		l.Close()
	}
	s.mu.Unlock()
	s.served.Wait()
}

// Close breaks everything off.
func (s Server) Close() error {
	s.s.leaving.Store(true)
	s.s.forced.Store(true)
	return s.Server.Close()
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pollEvery):
		return nil
	}
}
