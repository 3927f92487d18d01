package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Options of an Authority.
type Options struct {
	Hosts     []string       // the only names that it is asked for; at least one
	Email     string         // "" = none
	Directory string         // "" = Let's Encrypt
	Roots     *x509.CertPool // nil = the system's
	Dir       string         // where certificates and the account's key are kept
	UserAgent string
	Log       *slog.Logger
}

// Authority gets certificates by ACME and renews them in time. It proves that it
// is the host by HTTP-01 and TLS-ALPN-01, whichever the authority reaches.
type Authority struct {
	hosts   []string
	log     *slog.Logger
	manager *autocert.Manager

	mu   sync.Mutex
	told map[string]time.Time // by host, when a failure was logged last; guarded by mu
}

const (
	// authorityFor bounds one request to the authority.
	authorityFor = 30 * time.Second
	// tellEvery bounds the log lines of a host whose certificate is not to be had:
	// each handshake fails until then, and the authority is asked once a minute.
	tellEvery = time.Minute
)

// NewAuthority asks nobody yet.
func NewAuthority(o Options) *Authority {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots}
	return &Authority{hosts: o.Hosts, log: o.Log, told: make(map[string]time.Time), manager: &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(o.Dir),
		HostPolicy: autocert.HostWhitelist(o.Hosts...),
		Email:      o.Email,
		Client: &acme.Client{
			DirectoryURL: o.Directory,
			UserAgent:    o.UserAgent,
			HTTPClient:   &http.Client{Transport: transport, Timeout: authorityFor},
		},
	}}
}

// Config is for a listener.
func (a *Authority) Config() *tls.Config {
	c := a.manager.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.GetCertificate = a.get
	return c
}

// get takes a client that names no host, one that knows an address only, to mean
// the first.
func (a *Authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName == "" {
		hello.ServerName = a.hosts[0]
	}
	cert, err := a.manager.GetCertificate(hello)
	if err != nil {
		a.tell(strings.ToLower(hello.ServerName), err)
	}
	return cert, err
}

// tell logs a failure that is ours, at most once a while.
func (a *Authority) tell(host string, err error) {
	if !slices.Contains(a.hosts, host) {
		return // it is the client's: anybody can ask for any name
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.told[host]) > tellEvery {
		a.told[host] = now
		a.log.Warn("no certificate", "host", host, "err", err)
	}
}

// Obtain sees to it that there is a certificate for every host, so that no client
// has to wait for one, and logs those that cannot be had. It returns early where
// ctx ends; what is asked for then goes on.
func (a *Authority) Obtain(ctx context.Context) {
	for _, host := range a.hosts {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if cert, err := a.get(&tls.ClientHelloInfo{ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}); err == nil {
				a.log.Info("certificate ready", "host", host, "until", cert.Leaf.NotAfter)
			}
		}()
		select {
		case <-done:
		case <-ctx.Done():
			return
		}
	}
}

// Challenges answers the authority's questions over HTTP, and leaves every other
// request to next.
func (a *Authority) Challenges(next http.Handler) http.Handler {
	challenges := a.manager.HTTPHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
			next.ServeHTTP(w, r)
			return
		}
		if host, _, err := net.SplitHostPort(r.Host); err == nil {
			r.Host = host // where the port is not the usual one
		}
		challenges.ServeHTTP(w, r)
	})
}
