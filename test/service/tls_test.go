package service

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// name is the certificate's that a new connection is given.
func name(t *testing.T, addr string) string {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestRenewedCertificate: a new one is served without a restart, and connections
// that stand do not notice. What is half written changes nothing.
func TestRenewedCertificate(t *testing.T) {
	up := faulty.New(t)
	data := rig.Content(1, 4<<20)
	up.Set("/f", data)
	first, second := rig.NewCertificate(t, "first.test"), rig.NewCertificate(t, "second.test")
	addr := rig.FreeAddr(t)
	m := rig.Start(t, rig.Config{Repos: repo(up), Extra: fmt.Sprintf(
		"listen_tls: [%q]\ntls: {cert: %s, key: %s}\n", addr, first.Cert, first.Key)})
	old, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: first.Roots})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	answers := bufio.NewReader(old)
	begin := func() *http.Response {
		io.WriteString(old, "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n")
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	whole := func(resp *http.Response) {
		if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(body, data) {
			t.Errorf("%d of %d bytes, %v", len(body), len(data), err)
		}
	}
	download := begin()
	second.WriteCert(t, first)
	time.Sleep(1100 * time.Millisecond)
	for range 3 {
		if got := name(t, addr); got != "first.test" {
			t.Errorf("between the files: %s", got)
		}
	}
	const stays = "the one before stays"
	if n := strings.Count(m.Log(), stays); n != 1 {
		t.Errorf("%d lines %q, expected 1", n, stays)
	}
	second.WriteKey(t, first)
	eventually(t, "the new certificate", func() bool { return name(t, addr) == "second.test" })
	whole(download)
	whole(begin()) // on the same connection
	if n := up.Count("/f"); n != 1 {
		t.Errorf("upstream was asked %d times", n)
	}
}

// TestTLSRefused: what cannot be kept is refused at the start, on one line.
func TestTLSRefused(t *testing.T) {
	first, second := rig.NewCertificate(t, "first.test"), rig.NewCertificate(t, "second.test")
	for text, want := range map[string]string{
		fmt.Sprintf("listen_tls: [%q]\n", rig.FreeAddr(t)):                        "listen_tls without tls",
		fmt.Sprintf("tls: {cert: %s, key: %s}\n", first.Cert, first.Key):          "nothing listens with it",
		fmt.Sprintf("tls: {cert: %s, key: %s}\n", first.Cert, second.Key):         "private key does not match",
		fmt.Sprintf("tls: {cert: %s, key: %s}\n", first.Cert, first.Cert+".none"): "cannot be read",
	} {
		file := t.TempDir() + "/mirrord.yaml"
		if err := os.WriteFile(file, []byte("data_dir: "+t.TempDir()+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out := run(t, "serve", "--config", file, "--listen", "127.0.0.1:0")
		if code != 2 || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: exit %d, %s", text, code, out)
		}
	}
}
