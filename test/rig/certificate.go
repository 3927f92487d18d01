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
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate is a server's, in files. It vouches for itself.
type Certificate struct {
	Cert, Key string // files, PEM
	Roots     *x509.CertPool

	certText, keyText []byte
}

// NewCertificate makes one for 127.0.0.1 and name, with a key of its own.
func NewCertificate(tb testing.TB, name string) Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	c := Certificate{
		Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), Roots: x509.NewCertPool(),
		certText: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyText:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	c.Roots.AppendCertsFromPEM(c.certText)
	c.WriteCert(tb, c)
	c.WriteKey(tb, c)
	return c
}

// WriteCert puts c's certificate where to has its own, as a renewal does.
func (c Certificate) WriteCert(tb testing.TB, to Certificate) { writeSecret(tb, to.Cert, c.certText) }

// WriteKey does so with the key.
func (c Certificate) WriteKey(tb testing.TB, to Certificate) { writeSecret(tb, to.Key, c.keyText) }

func writeSecret(tb testing.TB, file string, text []byte) {
	tb.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}
