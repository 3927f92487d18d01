package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"mirrord/internal/faulty"
)

// identity is a certificate for 127.0.0.1, and who trusts it.
func identity(t *testing.T) (*tls.Config, *x509.CertPool) {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	return &tls.Config{Certificates: s.TLS.Certificates}, s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
}

// secureHouse has a TLS listener besides, and a client for it that knows HTTP/2 or
// not.
func secureHouse(t *testing.T, waits waits) (h *house, addr string, client func(http2 bool) *http.Client, conf *tls.Config) {
	own, roots := identity(t)
	o := answered()
	o.TLS = own
	h = newHouseWith(t, o, waits)
	addr = h.listen(h.srv.ServeTLS)
	conf = &tls.Config{RootCAs: roots}
	return h, addr, func(http2 bool) *http.Client {
		tr := &http.Transport{TLSClientConfig: conf.Clone(), ForceAttemptHTTP2: http2, DisableCompression: true}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr}
	}, conf
}

// TestOverTLS: the same answers, whole and in ranges, misses and hits.
func TestOverTLS(t *testing.T) {
	h, addr, client, _ := secureHouse(t, usualWaits)
	for _, http2 := range []bool{true, false} {
		c := client(http2)
		for _, size := range []int{0, 1000, 300_000, 3 << 20} {
			path := fmt.Sprintf("/f%d-%v", size, http2)
			data := h.set(path[1:], size)
			for n, field := range []string{"", "", "bytes=0-9"} {
				req, _ := http.NewRequest("GET", "https://"+addr+"/r"+path, nil)
				want := data
				if field != "" && size > 0 {
					req.Header.Set("Range", field)
					want = data[:10]
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Equal(body, want) {
					t.Errorf("%s, HTTP/2 %v: %d of %d bytes, %v", path, http2, len(body), len(want), err)
				}
				if (resp.ProtoMajor == 2) != http2 {
					t.Errorf("%s, expected HTTP/2 %v", resp.Proto, http2)
				}
				if hit := resp.Header.Get("Cache-Status") == "mirrord; hit"; hit != (n > 0) {
					t.Errorf("%s, request %d: %s", path, n, resp.Header.Get("Cache-Status"))
				}
			}
			if n := h.up.Count(path); n != 1 {
				t.Errorf("upstream was asked for %s %d times", path, n)
			}
		}
	}
}

// TestCutOverTLSIsNoCleanEnd: TLS has a word of its own for the end, which a body
// that breaks off must not end with, and a client of HTTP/1.0 knows no other.
func TestCutOverTLSIsNoCleanEnd(t *testing.T) {
	h, addr, client, conf := secureHouse(t, usualWaits)
	h.up.Rate(2 << 20) // the header is out long before the end
	for _, path := range []string{"old", "one", "two"} {
		h.set(path, 1<<20)
		h.up.Fail("/"+path, faulty.Chunked().And(faulty.Cut(300_000)).And(faulty.IgnoreRange()).Always())
	}
	c, err := tls.Dial("tcp", addr, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /r/old HTTP/1.0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode == http.StatusOK {
		t.Errorf("HTTP/1.0: %d bytes of %d, and a clean end", n, 1<<20)
	}
	for path, http2 := range map[string]bool{"one": false, "two": true} {
		resp, err := client(http2).Get("https://" + addr + "/r/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode == http.StatusOK {
			t.Errorf("HTTP/2 %v: %d bytes of %d, and a clean end", http2, n, 1<<20)
		}
		resp.Body.Close()
	}
}
