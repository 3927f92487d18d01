package upstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/upstream"
)

// identity is a client certificate that vouches for itself.
func identity(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "entitled"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// guarded is an https server that asks for certificates, and counts those it got.
func guarded(t *testing.T, ask tls.ClientAuthType, serve http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	got := new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Add(int64(len(r.TLS.PeerCertificates)))
		serve(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: ask}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, got
}

// TestCertificates: the mirror that wants one gets it; no other host does, not even
// where that mirror sends us; and its own authority is trusted for it alone.
func TestCertificates(t *testing.T) {
	send := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(content) }
	elsewhere, theirs := guarded(t, tls.RequestClientCert, send)
	entitled, ours := guarded(t, tls.RequireAnyClientCert, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, elsewhere.URL+path, http.StatusFound)
			return
		}
		send(w, r)
	})
	pool := x509.NewCertPool()
	pool.AddCert(elsewhere.Certificate()) // httptest's servers share one
	own := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{identity(t)}}
	tr := upstream.NewTransport(upstream.Options{Proxy: noProxy, TLS: &tls.Config{RootCAs: pool}})
	t.Cleanup(tr.Close)
	mirrors := []*url.URL{parse(t, entitled.URL), parse(t, elsewhere.URL)}
	b := bench{Group: upstream.NewGroup(upstream.Config{Name: "r", Mirrors: mirrors, TLS: []*tls.Config{own}}, tr)}
	b.mustGet(t, whole())
	if ours.Load() != 1 {
		t.Fatalf("the mirror got %d certificates", ours.Load())
	}
	away := whole()
	away.Path, away.Mirror = "away", mirrors[0].String()
	b.mustGet(t, away)
	away.Path, away.Mirror = file, mirrors[1].String()
	b.mustGet(t, away)
	if theirs.Load() != 0 {
		t.Error("another host got the certificate")
	}
	strict := upstream.NewTransport(upstream.Options{Proxy: noProxy, TLS: &tls.Config{RootCAs: x509.NewCertPool()}})
	t.Cleanup(strict.Close)
	b.Group = upstream.NewGroup(upstream.Config{Name: "r", Mirrors: mirrors, TLS: []*tls.Config{own}}, strict)
	away.Mirror = mirrors[0].String()
	b.mustGet(t, away)
	away.Mirror = mirrors[1].String()
	if _, _, err := b.get(t, away); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("the authority of one mirror is believed for another: %v", err)
	}
}
