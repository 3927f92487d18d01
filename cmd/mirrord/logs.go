package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"mirrord/internal/accesslog"
	"mirrord/internal/config"
)

// newLog writes as the configuration says.
func newLog(cfg config.Log, out io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.JSON {
		return slog.New(slog.NewJSONHandler(out, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}

// accessLog is where requests are noted. The zero value notes none.
type accessLog struct{ *accesslog.Log }

// openAccessLog opens what the configuration names.
func openAccessLog(cfg config.AccessLog, out io.Writer, log *slog.Logger) (accessLog, error) {
	format := accesslog.Combined
	if cfg.JSON {
		format = accesslog.JSON
	}
	switch cfg.File {
	case "":
		return accessLog{}, nil
	case config.Stdout:
		return accessLog{accesslog.To(out, format, log)}, nil
	}
	l, err := accesslog.Open(cfg.File, format, log)
	if err != nil {
		return accessLog{}, fmt.Errorf("access_log %s: %w", cfg.File, rootCause(err))
	}
	return accessLog{l}, nil
}

// take is what the server calls, nil where it need not.
func (a accessLog) take() func(*accesslog.Entry) {
	if a.Log == nil {
		return nil
	}
	return a.Write
}

func (a accessLog) close() {
	if a.Log != nil {
		a.Close() // it says itself what was lost
	}
}

// reopenOn has the file opened anew at each SIGUSR1, as nginx does, until stop is
// called. Without an access log the signal does nothing.
func (a accessLog) reopenOn(log *slog.Logger) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer close(done)
		for range signals {
			if a.Log == nil {
				continue
			}
			if err := a.Reopen(); err != nil {
				log.Warn("the access log cannot be opened anew, the file before is kept", "err", err)
				continue
			}
			log.Info("access log reopened")
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}
