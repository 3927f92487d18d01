package service

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// Pebble is Let's Encrypt's own ACME server for tests; its companion is a name
// server to which every name is this machine.
const (
	pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"
	names  = "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1"
)

// authority is a pebble that validates at the given ports of this machine.
type authority struct {
	directory string // URL
	ca        string // PEM, of the directory's certificate
	manage    string // URL
	own       *x509.CertPool
}

func startAuthority(t *testing.T, http01, tls01 string) *authority {
	t.Helper()
	dns, manageDNS, listen, manage := rig.FreeAddr(t), rig.FreeAddr(t), rig.FreeAddr(t), rig.FreeAddr(t)
	own := rig.NewCertificate(t, "localhost")
	file := filepath.Join(t.TempDir(), "pebble.json")
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage, "certificate": own.Cert, "privateKey": own.Key,
		"httpPort": port(t, http01), "tlsPort": port(t, tls01),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	rig.StartProcess(t, exec.Command(rig.InstallTool(t, names), "-dnsserver", dns, "-management", manageDNS,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""), dials(manageDNS))
	cmd := exec.Command(rig.InstallTool(t, pebble), "-config", file, "-dnsserver", dns)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	rig.StartProcess(t, cmd, dials(listen))
	return &authority{directory: "https://" + listen + "/dir", ca: own.Cert, manage: "https://" + manage, own: own.Roots}
}

func port(t *testing.T, addr string) (n int) {
	t.Helper()
	_, text, _ := net.SplitHostPort(addr)
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func dials(addr string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

// roots is whom a client trusts that trusts the authority.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.own}, DisableKeepAlives: true}}
	resp, err := client.Get(a.manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("the authority's root: %v, %s", err, text)
	}
	return pool
}

// config is mirrord's for that authority.
func (a *authority) config(listen string, hosts string) string {
	return fmt.Sprintf("listen_tls: [%q]\ntls: {acme: {hosts: [%s], email: admin@mirror.test, directory: %q, ca: %q}}\n",
		listen, hosts, a.directory, a.ca)
}

// certified asks by name, over TLS and with the authority's root alone.
func certified(addr, host string, roots *x509.CertPool) (*x509.Certificate, error) {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", addr, &tls.Config{RootCAs: roots, ServerName: host})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// TestACME: certificates by each of the two ways in which the authority can make
// sure, for the configured names only, and kept over a restart.
func TestACME(t *testing.T) {
	up := faulty.New(t)
	nobody := rig.FreeAddr(t) // where no question of the authority's is answered
	for way, reaches := range map[string]func(plain, secure string) (http01, tls01 string){
		"HTTP-01":     func(plain, _ string) (string, string) { return plain, nobody },
		"TLS-ALPN-01": func(_, secure string) (string, string) { return nobody, secure },
	} {
		t.Run(way, func(t *testing.T) {
			plain, secure := rig.FreeAddr(t), rig.FreeAddr(t)
			a := startAuthority(t, first(reaches(plain, secure)), second(reaches(plain, secure)))
			m := rig.Start(t, rig.Config{
				Repos: repo(up), Addr: plain,
				Extra: a.config(secure, "mirror.test, other.test"),
			})
			roots := a.roots(t)
			for _, host := range []string{"mirror.test", "other.test"} {
				eventually(t, "certificate for "+host, func() bool { return strings.Contains(m.Log(), "certificate ready\" host="+host) })
				if _, err := certified(secure, host, roots); err != nil {
					t.Errorf("%s: %v", host, err)
				}
			}
			before, err := certified(secure, "mirror.test", roots)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := certified(secure, "evil.test", roots); err == nil {
				t.Error("a certificate for a name that is not configured")
			}
			if strings.Contains(m.Log(), "evil.test") && strings.Contains(m.Log(), "no certificate") {
				t.Error("what a client makes up is logged as a failure")
			}
			m.Restart()
			after, err := certified(secure, "mirror.test", roots)
			if err != nil || !after.Equal(before) {
				t.Errorf("after a restart: another certificate, %v", err)
			}
			if r := rig.Get(m.URL(".well-known/acme-challenge/none")); r.Status != http.StatusForbidden {
				t.Errorf("a question from elsewhere: %s", r.How())
			}
			if info, err := os.Stat(filepath.Join(m.Data, "acme")); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the keys' directory: %v, %v", info, err)
			}
		})
	}
}

func first(a, _ string) string  { return a }
func second(_, b string) string { return b }

// TestACMEOutOfReach: an authority that cannot make sure, or is not there, is told of,
// and everything else goes on.
func TestACMEOutOfReach(t *testing.T) {
	up := faulty.New(t)
	up.Set("/f", []byte("data"))
	secure, nobody := rig.FreeAddr(t), rig.FreeAddr(t)
	own := rig.NewCertificate(t, "localhost")
	a := &authority{directory: "https://" + nobody + "/dir", ca: own.Cert}
	m := rig.Start(t, rig.Config{Repos: repo(up), Extra: a.config(secure, "mirror.test")})
	eventually(t, "the failure in the log", func() bool { return strings.Contains(m.Log(), "no certificate\" host=mirror.test") })
	for range 5 {
		if _, err := certified(secure, "mirror.test", nil); err == nil {
			t.Error("a handshake without a certificate")
		}
	}
	if r := rig.Get(m.URL("r/f")); r.Status != http.StatusOK {
		t.Errorf("without TLS: %s", r.How())
	}
	if n := strings.Count(m.Log(), "no certificate"); n != 1 {
		t.Errorf("%d lines of it, expected 1", n)
	}
}
