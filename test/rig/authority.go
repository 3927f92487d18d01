package rig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates. Its key goes with the test.
type Authority struct {
	File string // its own certificate, PEM

	tb     testing.TB
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	issued int64
}

// NewAuthority makes one.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	a := &Authority{tb: tb, key: newKey(tb), File: filepath.Join(tb.TempDir(), "ca.pem")}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	writeFile(tb, a.File, a.sign(a.cert, &a.key.PublicKey))
	return a
}

// Issue makes a certificate for this machine's servers, or for a client of that name,
// and writes it and its key into the files, also over others that are there.
func (a *Authority) Issue(name, certFile, keyFile string) {
	a.tb.Helper()
	a.issued++
	key := newKey(a.tb)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.tb.Fatal(err)
	}
	writeFile(a.tb, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	writeFile(a.tb, certFile, a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1 + a.issued), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, &key.PublicKey))
}

func (a *Authority) sign(c *x509.Certificate, key *ecdsa.PublicKey) string {
	a.tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key, a.key)
	if err != nil {
		a.tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// StartNginx is StartNginx with TLS as well, at Secure, by a certificate of the
// authority's.
func (a *Authority) StartNginx(tb testing.TB, root string, extra ...string) *Nginx {
	tb.Helper()
	dir, addr := tb.TempDir(), FreeAddr(tb)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.Issue("server", cert, key)
	n := StartNginx(tb, root, append([]string{
		"listen " + addr + " ssl;", "ssl_certificate " + cert + ";", "ssl_certificate_key " + key + ";",
	}, extra...)...)
	n.Secure = "https://" + addr
	return n
}
