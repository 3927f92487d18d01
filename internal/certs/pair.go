package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery bounds how often the files are read: two small reads a second cost
// nothing, and what a renewal brings is seen by then.
const lookEvery = time.Second

// Pair is a certificate and its key in two PEM files. It is safe for concurrent
// use.
type Pair struct {
	cert, key string
	now       func() time.Time
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]

	mu     sync.Mutex        // held by the one handshake that looks
	looked time.Time         // guarded by mu
	seen   [sha256.Size]byte // of what was found last, good or bad; guarded by mu
}

// NewPair reads the files, which must fit each other. A nil now is time.Now.
func NewPair(cert, key string, now func() time.Time, log *slog.Logger) (*Pair, error) {
	if now == nil {
		now = time.Now
	}
	p := &Pair{cert: cert, key: key, now: now, log: log, looked: now()}
	pair, sum, err := p.read()
	if err != nil {
		return nil, err
	}
	p.seen = sum
	p.take(pair)
	return p, nil
}

// Config is for a listener.
func (p *Pair) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.get}
}

// Expiry is when the certificate ends that would be shown now.
func (p *Pair) Expiry() time.Time {
	pair, _ := p.get(nil) // which never fails
	return pair.Leaf.NotAfter
}

// get gives what the files held last that was whole.
func (p *Pair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if p.mu.TryLock() { // nobody waits for another's look
		defer p.mu.Unlock()
		if now := p.now(); now.Sub(p.looked) >= lookEvery {
			p.looked = now
			p.look()
		}
	}
	return p.current.Load(), nil
}

// look takes over what is new. A pair that does not fit, as one that is half
// written, leaves everything as it is and is told of once. p.mu is held.
func (p *Pair) look() {
	pair, sum, err := p.read()
	if sum == p.seen {
		return
	}
	p.seen = sum
	if err != nil {
		p.log.Warn("the new certificate cannot be used, the one before stays", "cert", p.cert, "key", p.key, "err", err)
		return
	}
	p.take(pair)
	p.log.Info("certificate reloaded", "cert", p.cert, "names", pair.Leaf.DNSNames, "until", pair.Leaf.NotAfter)
}

func (p *Pair) take(pair *tls.Certificate) {
	if p.now().After(pair.Leaf.NotAfter) {
		p.log.Warn("the certificate is out of date", "cert", p.cert, "until", pair.Leaf.NotAfter)
	}
	p.current.Store(pair)
}

// read tells what the files hold. The sum is of their bytes, or of why there are
// none: the bytes are what tells of a change, since a time of a file can stay.
func (p *Pair) read() (*tls.Certificate, [sha256.Size]byte, error) {
	cert, err := os.ReadFile(p.cert)
	if err != nil {
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	key, err := os.ReadFile(p.key)
	if err != nil {
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	certSum, keySum := sha256.Sum256(cert), sha256.Sum256(key)
	sum := sha256.Sum256(append(certSum[:], keySum[:]...))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, sum, fmt.Errorf("%s and %s: %w", p.cert, p.key, err)
	}
	return &pair, sum, nil
}
