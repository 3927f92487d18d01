package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pairFiles are a certificate and its key.
func pairFiles(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	cert, key := pairFiles(t)
	_, other := pairFiles(t)
	with := func(text string) string {
		return strings.NewReplacer("CERT", cert, "OTHER", other, "KEY", key).Replace(text)
	}
	for _, tc := range []struct{ text, wrong string }{
		{"listen_tls: [\":2\"]\n", `m.yaml:1: listen_tls without tls, expected tls: cert and key, or acme`},
		{"listen: []\n", `m.yaml:1: listen is an empty list, expected at least one address here or in listen_tls`},
		{"tls: {cert: CERT}\n", `m.yaml:1: tls: cert or key is missing, expected cert and key, or acme`},
		{"tls: {cert: CERT, key: OTHER}\n", `m.yaml:1: tls: ` + cert + ` and ` + other},
		{"tls: {cert: CERT, key: CERT}\n", `expected a certificate and its key in PEM`},
		{"tls: {cert: /nowhere, key: KEY}\n", `m.yaml:1: cert: "/nowhere" cannot be read`},
		{"tls: {cert: CERT, key: KEY, acme: {hosts: [m.example.org]}}\n", `m.yaml:1: tls has both files and acme`},
		{"tls: {}\n", `m.yaml:1: tls: cert or key is missing`},
		{"tls:\n  acme: {email: a@b}\n", `m.yaml:2: acme has no hosts, expected hosts: a list of a host name`},
		{"tls: {acme: {hosts: [\"*.example.org\"]}}\n", `m.yaml:1: hosts: "*.example.org" is no host name`},
		{"tls: {acme: {hosts: [localhost]}}\n", `"localhost" is no host name`},
		{"tls: {acme: {hosts: [192.0.2.1]}}\n", `"192.0.2.1" is no host name`},
		{"tls: {acme: {hosts: [a.example.org], email: me}}\n", `email: "me" is no address`},
		{"tls: {acme: {hosts: [a.example.org], directory: \"http://acme\"}}\n", `directory: is no https URL`},
		{"tls: {acme: {hosts: [a.example.org], ca: KEY}}\n", key + ` holds no certificate`},
		{"tls: {acme: {hosts: [a.example.org], agree: true}}\n", `unknown key "agree" in acme`},
	} {
		if _, err := Parse("m.yaml", []byte(with(tc.text))); err == nil || !strings.Contains(err.Error(), tc.wrong) {
			t.Errorf("%q: %v, expected %s", tc.text, err, tc.wrong)
		}
	}
	cfg, err := Parse("m.yaml", []byte(with("tls: {cert: CERT, key: KEY}\nlisten_tls: [\":2\"]\nlisten: []\n")))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Listen) != 0 || !slices.Equal(cfg.ListenTLS, []string{":2"}) || cfg.TLS.Cert != cert || cfg.TLS.Key != key || cfg.TLS.ACME != nil {
		t.Errorf("files: %+v, %+v", cfg, cfg.TLS)
	}
	cfg, err = Parse("m.yaml", []byte(with("tls: {acme: {hosts: [A.example.org, b.example.org], email: a@b, directory: \"https://ca/dir\", ca: CERT}}\nlisten_tls: [\":2\"]\n")))
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.TLS.ACME
	if !slices.Equal(a.Hosts, []string{"a.example.org", "b.example.org"}) || a.Email != "a@b" || a.Directory != "https://ca/dir" || a.Roots == nil {
		t.Errorf("acme: %+v", a)
	}
	if !slices.Equal(cfg.Listen, []string{defaultListen}) {
		t.Errorf("without listen: %v", cfg.Listen)
	}
}
