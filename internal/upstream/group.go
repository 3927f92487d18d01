package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Config names the mirrors of one repository.
type Config struct {
	Name    string     // the repository, for error texts
	Mirrors []*url.URL // bases, in order of preference; userinfo is sent as Basic auth to that host only
	// TLS has for each of Mirrors what its own host is to be asked with: a client
	// certificate, other roots. nil, or a nil for one: what all are asked with.
	TLS []*tls.Config
	// Hub is asked before all Mirrors, which may be none then; nil: there is none.
	Hub *Hub
	// Connections to one mirror for one file in parts, 1 to 4; 0 is 1.
	Connections int
	Rate        int64    // bytes a second of all bodies together, 0 no cap
	Redirects   []string // hosts a redirect may lead to besides configured ones: "cdn.example", "*.cdn.example", "cdn.example:8080"
	Timeouts    Timeouts

	// Realms are hosts besides a mirror's own that may be asked for tokens,
	// with credentials: "auth.example", "auth.example:8443".
	Realms []string
	// Login gives the group's own credentials at a mirror's host; nil: those
	// of the mirror's URL, which also count where it gives none.
	Login func(ctx context.Context, host string) (Login, error)
}

// Timeouts bound the waits for one request. Zero fields take the defaults.
type Timeouts struct {
	Connect time.Duration // 5s: DNS, TCP and TLS; a far mirror needs under 1 s
	Header  time.Duration // 10s: slow disks and cold CDNs answer within 5 s
	Idle    time.Duration // 20s between body bytes: a lossy link may pause for TCP's longer retransmissions
}

// A Group is the mirrors of one repository. All methods may be called at once.
type Group struct {
	name      string
	t         *Transport
	all       atomic.Pointer[[]*mirror] // see mirrors
	listing   sync.Mutex                // held while all is replaced
	listed    *tally                    // of all mirrors that lists gave
	ready     func(context.Context, string) error
	redirects []string
	timeouts  Timeouts

	connections int
	cap         *rate.Limiter // nil: no cap
	hedges      hedges
	requests    atomic.Uint64 // that could have gone to any mirror

	realms map[string]bool // scheme://host:port
	login  func(context.Context, string) (Login, error)
	tokens *tokens
	limits limits
}

// A mirror is one base URL. Only its breaker, meter and rate limit change.
type mirror struct {
	label   string
	hub     bool            // it is the group's hub
	listed  bool            // by a list, not by the configuration
	base    *url.URL        // without userinfo
	host    string          // host:port of base
	auth    string          // the Authorization field where no token is ever needed, "" none
	login   Login           // the same credentials
	own     *http.Transport // nil: the process's
	cert    bool            // own has a client certificate
	breaker *breaker
	meter   *meter
	tally   *tally
	rate    atomic.Pointer[RateLimit]
}

// NewGroup makes the group and registers its hosts in t.
func NewGroup(cfg Config, t *Transport) *Group {
	g := &Group{name: cfg.Name, t: t, listed: newTally(), redirects: slices.Clone(cfg.Redirects), timeouts: Timeouts{
		Connect: cmp.Or(cfg.Timeouts.Connect, 5*time.Second),
		Header:  cmp.Or(cfg.Timeouts.Header, 10*time.Second),
		Idle:    cmp.Or(cfg.Timeouts.Idle, 20*time.Second),
	}}
	g.login, g.tokens, g.limits = cfg.Login, newTokens(t.now), newLimits(t.now)
	g.hedges.tokens = 1
	g.cap = newCap(cfg.Rate)
	g.connections = min(max(cfg.Connections, 1), connectionsMost)
	plain, all := false, []*mirror(nil)
	if cfg.Hub != nil {
		all = append(all, t.addHub(cfg.Hub))
	}
	for i, u := range cfg.Mirrors {
		t.register(hostPort(u))
		m := newMirror(u, all, t.now)
		if i < len(cfg.TLS) && cfg.TLS[i] != nil {
			m.own = t.another(cfg.TLS[i])
			m.cert = cfg.TLS[i].GetClientCertificate != nil || len(cfg.TLS[i].Certificates) > 0
		}
		all = append(all, m)
		plain = plain || u.Scheme == "http"
	}
	g.all.Store(&all)
	g.addRealms(cfg.Realms, plain)
	return g
}

func newMirror(u *url.URL, others []*mirror, now func() time.Time) *mirror {
	base := *u
	base.User = nil
	m := &mirror{label: base.Scheme + "://" + base.Host, base: &base, host: hostPort(&base), breaker: newBreaker(now), meter: newMeter(now), tally: newTally()}
	if u.User != nil {
		password, _ := u.User.Password()
		m.login = Login{Username: u.User.Username(), Password: password}
		m.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
	}
	for _, o := range others {
		if o.label == m.label { // two trees on one host
			m.label += base.EscapedPath()
			break
		}
	}
	return m
}

// Open returns the bytes that r asks for, from the first mirror that has them.
// ctx governs the body too, up to Close.
func (g *Group) Open(ctx context.Context, r Request) (*Body, error) {
	ctx, cancel := context.WithCancel(ctx)
	x, err := g.hunt(ctx, http.MethodGet, r)
	if err != nil {
		cancel()
		return nil, err
	}
	return newBody(ctx, cancel, g, r, x), nil
}

// Head asks for the header only. Off, End and Held do not apply.
func (g *Group) Head(ctx context.Context, r Request) (Info, error) {
	r.Off, r.End, r.Held = 0, 0, Validator{}
	x, err := g.hunt(ctx, http.MethodHead, r)
	if err != nil {
		return Info{}, err
	}
	x.close()
	x.m.breaker.worked()
	return x.info, nil
}

// Blame has a mirror asked last, for a while, whose bytes proved wrong. The mirror is one of
// Body.Sources; an unknown one is ignored.
func (g *Group) Blame(mirror string, reason error) {
	for _, m := range g.mirrors() {
		if m.label == mirror {
			m.breaker.blame(reason)
			m.meter.leave(leftWrong)
		}
	}
}

// Down says whether every mirror failed and none has answered since. Until
// then Open fails at once, after it one caller's Open is the probe: who can
// serve something stale does so while down holds and probes beside it.
func (g *Group) Down() (until time.Time, down bool) {
	for i, m := range g.mirrors() {
		state, at := m.breaker.state()
		if state == Closed {
			return time.Time{}, false
		}
		if i == 0 || at.Before(until) {
			until = at
		}
	}
	return until, len(g.mirrors()) > 0
}

// A MirrorStatus is one mirror's line on a status page.
type MirrorStatus struct {
	Mirror    string
	Listed    bool // by a list, not by the configuration
	State     BreakerState
	Failures  int       // in a row
	Until     time.Time // when the next probe may go, zero while closed
	LastError string    // "" when it never failed
	LastAt    time.Time
	RateLimit *RateLimit // what the mirror said last, nil when nothing
	Measure
}

// Status lists the mirrors as configured.
func (g *Group) Status() []MirrorStatus {
	out := make([]MirrorStatus, 0, len(g.mirrors()))
	for _, m := range g.mirrors() {
		s := MirrorStatus{Mirror: m.label, Listed: m.listed, RateLimit: m.rate.Load(), Measure: m.meter.measure()}
		s.State, s.Until = m.breaker.state()
		var last error
		s.Failures, s.LastAt, last = m.breaker.history()
		if last != nil {
			s.LastError = brief(last)
		}
		out = append(out, s)
	}
	return out
}

// unknownMirror is a caller's mistake.
func (g *Group) unknownMirror(label string) error {
	if label == "" {
		return &UnavailableError{Repo: g.name, Mirror: "no mirror", Cause: errors.New("none is configured")}
	}
	return fmt.Errorf("upstream: %s has no mirror %s", g.name, oneLine(label))
}
