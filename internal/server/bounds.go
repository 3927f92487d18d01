package server

import (
	"net/http"
	"time"
)

// waits are how long clients may take for what they do.
type waits struct {
	header  time.Duration // for a request's header, and for TLS's beginning
	request time.Duration // for all of it; no body is long
	// idle is how long a kept-alive connection may rest. apt leaves it for minutes
	// while packages are installed.
	idle time.Duration
	// stall is how long a client may take nothing at all of what it asked for: what
	// it reads stays open, and is not evicted.
	stall time.Duration
}

var usualWaits = waits{header: 10 * time.Second, request: 20 * time.Second, idle: 5 * time.Minute, stall: 5 * time.Minute}

const (
	// headerMax bounds a request's header; package managers send under 1 KiB.
	headerMax = 32 << 10
	// aheadMax bounds what a client of HTTP/2 may send ahead of being read; it is the
	// least that may be allowed, as frameMax is for a frame.
	aheadMax = 64 << 10
	frameMax = 16 << 10
)

// patient gives each piece of an answer over HTTP/2 the time that clients have.
// net/http's own WriteTimeout is that of a whole download, and the kernel knows
// nothing of a client that leaves its window shut.
type patient struct {
	http.ResponseWriter
	rc    *http.ResponseController
	stall time.Duration
	set   time.Time // when the deadline was put off last
}

func (w *patient) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(w.set) > w.stall/10 {
		w.set = now
		w.rc.SetWriteDeadline(now.Add(w.stall))
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *patient) Unwrap() http.ResponseWriter { return w.ResponseWriter }
