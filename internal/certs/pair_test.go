package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// issue is a certificate that vouches for itself, and its key, in PEM.
func issue(t *testing.T, name string, until time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// desk is a Pair with its files, a clock and a log.
type desk struct {
	*Pair
	t         *testing.T
	cert, key string
	at        time.Time
	log       bytes.Buffer
}

func newDesk(t *testing.T, until time.Time) *desk {
	dir := t.TempDir()
	d := &desk{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), at: time.Now()}
	cert, key := issue(t, "first.example", until)
	d.write(cert, key)
	var err error
	d.Pair, err = NewPair(d.cert, d.key, func() time.Time { return d.at }, slog.New(slog.NewTextHandler(&d.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write puts the files there; nil leaves one as it is.
func (d *desk) write(cert, key []byte) {
	d.t.Helper()
	for file, text := range map[string][]byte{d.cert: cert, d.key: key} {
		if text == nil {
			continue
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}

// serves fails unless a handshake, some seconds later, gets that certificate.
func (d *desk) serves(name string) {
	d.t.Helper()
	d.at = d.at.Add(lookEvery)
	c, err := d.get(nil)
	if err != nil || c.Leaf.DNSNames[0] != name {
		d.t.Fatalf("%v, %v; expected %s", c.Leaf.DNSNames, err, name)
	}
}

// logged fails unless so many lines with the text were logged in all.
func (d *desk) logged(text string, want int) {
	d.t.Helper()
	if got := strings.Count(d.log.String(), text); got != want {
		d.t.Errorf("%d lines with %q, expected %d:\n%s", got, text, want, d.log.String())
	}
}

func TestRenewal(t *testing.T) {
	d := newDesk(t, time.Now().Add(time.Hour))
	d.serves("first.example")
	info, err := os.Stat(d.cert)
	if err != nil {
		t.Fatal(err)
	}
	d.write(issue(t, "other.example", time.Now().Add(time.Hour)))
	for _, file := range []string{d.cert, d.key} { // a copy may keep the times
		if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	if c, _ := d.get(nil); c.Leaf.DNSNames[0] != "first.example" {
		t.Error("the files are read more often than they need be")
	}
	d.serves("other.example")
	d.serves("other.example")
	d.logged("certificate reloaded", 1)
}

// TestHalfWritten: whatever a renewal shows on its way, the old certificate is
// served until a whole new one is there, and one line tells of each state.
func TestHalfWritten(t *testing.T) {
	d := newDesk(t, time.Now().Add(time.Hour))
	cert, key := issue(t, "other.example", time.Now().Add(time.Hour))
	const stays = "the one before stays"
	for n, step := range []func(){
		func() { d.write(cert, nil) },                         // with the old key
		func() { d.write(cert[:len(cert)/2], nil) },           // cut
		func() { d.write([]byte{}, nil) },                     // truncated
		func() { os.Remove(d.cert) },                          // gone
		func() { d.write(cert, key[:len(key)/2]) },            // the key is cut
		func() { d.write(bytes.Repeat([]byte("x"), 9), nil) }, // not PEM
	} {
		step()
		for range 3 {
			d.serves("first.example")
		}
		d.logged(stays, n+1)
	}
	d.write(cert, key)
	d.serves("other.example")
	d.logged("certificate reloaded", 1)
}

func TestRefusedAtStart(t *testing.T) {
	d := newDesk(t, time.Now().Add(time.Hour))
	cert, _ := issue(t, "other.example", time.Now().Add(time.Hour))
	d.write(cert, nil)
	if _, err := NewPair(d.cert, d.key, nil, slog.Default()); err == nil || !strings.Contains(err.Error(), d.cert) {
		t.Errorf("a certificate of another key: %v", err)
	}
}

func TestOutOfDateIsTold(t *testing.T) {
	d := newDesk(t, time.Now().Add(-time.Hour))
	d.serves("first.example")
	d.logged("out of date", 1)
}

// TestManyHandshakes is for the race detector.
func TestManyHandshakes(t *testing.T) {
	d := newDesk(t, time.Now().Add(time.Hour))
	start := time.Now()
	d.now = func() time.Time { return start.Add(time.Duration(time.Since(start).Nanoseconds()) * 1000) }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if c, err := d.get(nil); err != nil || c == nil {
					t.Error("no certificate", err)
				}
			}
		})
	}
	for range 5 {
		d.write(issue(t, "other.example", time.Now().Add(time.Hour)))
	}
	wg.Wait()
}
