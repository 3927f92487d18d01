package main

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// tell notifies systemd, where that started this process and wants to know.
func tell(log *slog.Logger, states ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(states, "\n")); err != nil {
		log.Warn("systemd cannot be told", "what", states[0], "err", err)
	}
}

// extend asks for that much time before systemd takes the service for stuck.
func extend(d time.Duration) string { return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()) }

// monotonic is what has to stand beside RELOADING=1.
func monotonic() string {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // cannot fail with that clock
	return fmt.Sprintf("MONOTONIC_USEC=%d", t.Nano()/1000)
}

// watch tells the watchdog, where there is one, that the store answers, until stop is
// called.
func (s *service) watch() (stop func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every <= 0 {
		return func() {}
	}
	end := make(chan struct{})
	go func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.house.store.Stats() // does not return where its locks are stuck
				tell(s.log, daemon.SdNotifyWatchdog)
			case <-end:
				return
			}
		}
	}()
	return func() { close(end) }
}
