package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"mirrord/internal/config"
	"mirrord/internal/server"
)

// service is a mirrord that serves, until it stops or another takes over.
type service struct {
	cfg     *config.Config
	house   *house
	srv     server.Server
	sockets []socket
	log     *slog.Logger
	restart chan os.Signal // SIGUSR2
	failed  chan error     // of each socket, when it is served no more
}

// awaitRestart notes a signal from now on: one that comes early does not end the
// process.
func awaitRestart() chan os.Signal {
	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGUSR2)
	return restart
}

// begin has all sockets served.
func (s *service) begin() {
	for _, l := range s.sockets {
		serve := s.srv.Serve
		if l.TLS {
			serve = s.srv.ServeTLS
		}
		go func() { s.failed <- serve(l.TCPListener) }()
	}
}

// run waits for what ends the service, and ends it.
func (s *service) run(ctx context.Context) error {
	for {
		select {
		case err := <-s.failed:
			s.stop()
			return err
		case err := <-s.house.damaged:
			s.stop()
			return err
		case <-ctx.Done():
			s.stop()
			return nil
		case <-s.restart:
		}
		next, err := s.startSuccessor(ctx)
		if err != nil {
			s.log.Warn("no other mirrord takes over, this one goes on", "err", err)
			continue
		}
		return s.handOver(ctx, next)
	}
}

// closeSlack is how long the rest of an end takes, where a disk is slow.
const closeSlack = 15 * time.Second

// stop ends in good order: what is under way may end, as long as the configuration
// says. The rest is broken off, and stays on disk as partials.
func (s *service) stop() {
	all := s.cfg.DrainDelay + s.cfg.Drain
	tell(s.log, daemon.SdNotifyStopping, "STATUS=stopping", extend(all+closeSlack))
	s.srv.Drain()
	time.Sleep(s.cfg.DrainDelay) // so that who asks at /readyz sends nobody any more
	if n := s.srv.Busy(); n > 0 {
		s.log.Info("stopping", "busy", n, "drain", s.cfg.Drain)
	}
	s.drain(s.cfg.Drain)
}

// drain waits for what is under way, and breaks off what is then.
func (s *service) drain(most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != nil {
		s.log.Warn("downloads are broken off", "connections", s.srv.Busy(), "err", err)
		s.srv.Close()
	}
}

const (
	// startFor is how long a successor may take to say something.
	startFor = time.Minute
	// lingerFor is how long downloads of what is stored may go on when another process
	// has the data directory: a DVD's image over a slow line. They keep no one waiting.
	lingerFor = time.Hour
)

// handOver gives the sockets and then the data directory to another process. New
// connections wait in the kernel from the one moment to the other.
func (s *service) handOver(ctx context.Context, next *successor) error {
	defer next.close()
	tell(s.log, daemon.SdNotifyReloading, monotonic(), extend(2*s.cfg.Drain+startFor))
	if !s.quiet(ctx) { // told to stop
		next.kill()
		s.stop()
		return nil
	}
	start := time.Now()
	linger, cancel := context.WithTimeout(context.Background(), lingerFor)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- s.srv.Shutdown(linger) }()
	settle, cancelSettle := context.WithTimeout(context.Background(), s.cfg.Drain)
	defer cancelSettle()
	if err := s.srv.Settle(settle); err != nil {
		s.log.Warn("downloads that are not stored yet are broken off", "err", err)
	}
	s.house.close()
	if err := next.take(); err != nil {
		s.srv.Close()
		return fmt.Errorf("the mirrord that was to take over failed: %w", err)
	}
	s.log.Info("another mirrord has taken over", "pid", next.pid(), "pause", time.Since(start).Round(time.Millisecond), "busy", s.srv.Busy())
	tell(s.log, fmt.Sprintf("MAINPID=%d", next.pid()))
	next.close()
	select {
	case err := <-stopped:
		if err != nil {
			s.srv.Close()
		}
	case <-ctx.Done():
		s.drain(s.cfg.Drain)
	}
	return nil
}

// quiet waits, no longer than a drain may take, for a moment in which nothing is
// fetched: the fewer are under way then, the shorter others wait. It is false where ctx
// ended.
func (s *service) quiet(ctx context.Context) bool {
	for end := time.Now().Add(s.cfg.Drain); !s.srv.Quiet() && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return false
		case err := <-s.failed:
			s.failed <- err // Settle comes to that
			return true
		case <-time.After(quietEvery):
		}
	}
	return ctx.Err() == nil
}

// quietEvery is how often it is looked for a quiet moment.
const quietEvery = 2 * time.Millisecond
