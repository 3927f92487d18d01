package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
)

// Listed stands in a Count for all the mirrors that lists have given: these come and
// go, and there may be many.
const Listed = "listed"

// A Count is what came of the requests to one mirror of the configuration, or to all
// Listed, since the start.
type Count struct {
	Mirror   string
	Requests map[string]int64 // by outcome: see outcome
	Received int64            // bytes of bodies
}

// A tally counts it.
type tally struct {
	received atomic.Int64
	mu       sync.Mutex
	requests map[string]int64 // guarded by mu
}

func newTally() *tally { return &tally{requests: make(map[string]int64)} }

func (t *tally) answered(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[outcome(err)]++
}

func (t *tally) count(mirror string) Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Count{mirror, maps.Clone(t.requests), t.received.Load()}
}

// Counts are those of the configured mirrors and, where there are lists, of the Listed.
func (g *Group) Counts() (all []Count) {
	for _, m := range g.mirrors() {
		if !m.listed {
			all = append(all, m.tally.count(m.label))
		}
	}
	if g.ready != nil {
		all = append(all, g.listed.count(Listed))
	}
	return all
}

// outcome is in one word what came of a request: 2xx, 3xx, 4xx, 429, 5xx; timeout;
// unreachable: no connection; tls; unfit: an answer or a redirect that may not be used;
// canceled: the caller left or another answered first; or broken, for the rest.
func outcome(err error) string {
	var status *StatusError
	var size *MismatchError
	var bad answerError
	var refused refusedError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var alert tls.AlertError
	switch {
	case err == nil, errors.Is(err, errIgnored):
		return "2xx"
	case errors.Is(err, ErrNotModified):
		return "3xx"
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		return "429"
	case errors.As(err, &status):
		return fmt.Sprintf("%dxx", status.Code/100)
	case errors.As(err, &size), errors.Is(err, ErrChanged), errors.As(err, &bad), errors.As(err, &refused):
		return "unfit"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	case isTimeout(err):
		return "timeout"
	case errors.As(err, &cert), errors.As(err, &alert):
		return "tls"
	case errors.As(err, &dns), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	}
	return "broken"
}
