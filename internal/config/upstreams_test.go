package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pair writes a certificate and its key.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "EC PRIVATE KEY", Bytes: raw},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert"), filepath.Join(dir, "key")
}

func TestUpstreamMappings(t *testing.T) {
	cert, key := pair(t)
	const text = `repos: [{name: a, type: generic, upstreams: [http://a.example, {url: %s}, http://b.example]}]`
	cfg, err := Parse("m.yaml", fmt.Appendf(nil, text, "https://c.example/d/, cert: "+cert+", key: "+key+", ca: "+cert))
	if err != nil {
		t.Fatal(err)
	}
	repo := cfg.Repos[0]
	if len(repo.Upstreams) != 3 || repo.Upstreams[1].String() != "https://c.example/d" || len(repo.TLS) != 2 || repo.TLS[0] != nil {
		t.Fatalf("%+v", repo)
	}
	own := repo.TLS[1]
	if own.RootCAs == nil {
		t.Error("the authority is not trusted")
	}
	if first, err := own.GetClientCertificate(nil); err != nil || len(first.Certificate) != 1 {
		t.Errorf("%+v, %v", first, err)
	}
	if cfg, err = Parse("m.yaml", fmt.Appendf(nil, text, "http://c.example")); err != nil || cfg.Repos[0].TLS != nil {
		t.Errorf("%+v, %v", cfg, err)
	}
	var refused []refusal
	for in, want := range map[string]string{
		"https://c.example, cert: " + cert:                   `upstream "https://c.example": cert or key stands alone, expected both`,
		"http://c.example, ca: " + cert:                      `upstream "http://c.example" has certificates, expected an https URL with them`,
		"https://c.example, ca: " + key:                      `upstream "https://c.example": ` + key + ` holds no certificate`,
		"https://c.example, ca: /none":                       `ca: "/none" cannot be read: no such file or directory, expected a PEM file`,
		"https://c.example, cert: " + key + ", key: " + cert: `upstream "https://c.example": ` + key,
		"https://c.example, crt: x":                          `unknown key "crt" in an upstream, expected one of: ca, cert, key, url`,
		"https://u:secret@c.example, cert: " + cert:          `upstream "https://u:xxxxx@c.example": cert or key`,
		"http://a.example":                                   `upstream "http://a.example" is listed twice`,
	} {
		refused = append(refused, refusal{fmt.Sprintf(text, in), "m.yaml:1: " + want})
	}
	refuse(t, append(refused, refusal{"repos: [{name: a, type: apt, upstreams: [{ca: " + cert + "}]}]", "m.yaml:1: an upstream without a URL"}))
}
