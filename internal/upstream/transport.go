package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	headerBytesMost = 64 << 10 // of one answer's header; real mirrors send under 1 KiB
	idlePerHost     = 16       // kept for the next burst; apt opens few, herds share flights
	idleFor         = 90 * time.Second
	// The phases of a request are bounded by each group's Timeouts; this only
	// ends a dial that every request has given up.
	dialMost = 30 * time.Second
)

// Options are what all groups of a process share. The zero value serves.
type Options struct {
	UserAgent string                                // "mirrord/<version>"; "" is "mirrord"
	Proxy     func(*http.Request) (*url.URL, error) // nil: HTTP_PROXY, HTTPS_PROXY, NO_PROXY
	TLS       *tls.Config                           // nil: the system's roots
	// Trace begins the span of a request of a repository's, and gives what ends it: with
	// a status, or with a word for what went wrong instead. nil = there are no spans.
	Trace   func(ctx context.Context, repo string, r *http.Request) func(status int, wrong string)
	Offline bool              // nobody is dialled: every question fails at once with ErrOffline
	Through http.RoundTripper // answers in the network's place; nil: nobody does

	// Clock of breakers, patience and back-off; socket time-outs are real.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error // returns early only with the context's cause
}

// A Transport owns the connections of a process and the closed table of hosts
// that may be dialled. NewGroup adds to the table; nothing else does.
type Transport struct {
	agent   string
	offline bool
	trace   func(ctx context.Context, repo string, r *http.Request) func(status int, wrong string)
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	rt      *http.Transport
	instead http.RoundTripper // of the network; nil = nobody
	seats   *seats

	direct  *net.Dialer // for hosts of the table and proxies
	guarded *net.Dialer // for hosts that a redirect pattern let in: public addresses only

	mu      sync.RWMutex // guards all below
	others  []*http.Transport
	hosts   map[string]bool // host:port of every mirror and token realm
	proxies map[string]bool // host:port the environment named for some request
	asking  map[string]bool // host:port that asked for a client certificate
}

// NewTransport returns a Transport that may dial nobody yet.
func NewTransport(o Options) *Transport {
	t := &Transport{
		agent: o.UserAgent, offline: o.Offline, trace: o.Trace, instead: o.Through, now: o.Now, sleep: o.Sleep,
		direct:  &net.Dialer{Timeout: dialMost},
		guarded: &net.Dialer{Timeout: dialMost, ControlContext: onlyPublic},
		hosts:   map[string]bool{}, proxies: map[string]bool{}, asking: map[string]bool{},
	}
	if t.agent == "" {
		t.agent = "mirrord"
	}
	if t.now == nil {
		t.now = time.Now
	}
	if t.sleep == nil {
		t.sleep = sleep
	}
	proxy := o.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	t.seats = newSeats(t.now)
	t.rt = t.pool(t.remember(proxy), o.TLS)
	return t
}

func (t *Transport) pool(proxy func(*http.Request) (*url.URL, error), conf *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            t.dial,
		TLSClientConfig:        t.noting(conf),
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: headerBytesMost,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// another is a pool of connections for one mirror: what is opened with its
// certificate serves nobody else.
func (t *Transport) another(conf *tls.Config) *http.Transport {
	rt := t.pool(t.rt.Proxy, conf)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.others = append(t.others, rt)
	return rt
}

// Close closes the connections that are kept for reuse.
func (t *Transport) Close() {
	t.rt.CloseIdleConnections()
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, rt := range t.others {
		rt.CloseIdleConnections()
	}
}

// register lets addr, host:port in lower case, be dialled.
func (t *Transport) register(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts[addr] = true
}

func (t *Transport) configured(addr string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.hosts[strings.ToLower(addr)]
}

func (t *Transport) isProxy(addr string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.proxies[strings.ToLower(addr)]
}

// remember lets dial know the addresses that proxy names.
func (t *Transport) remember(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err == nil && u != nil && !t.isProxy(hostPort(u)) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.proxies[hostPort(u)] = true
		}
		return u, err
	}
}

// hostPort is where u is dialled, lower case.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
