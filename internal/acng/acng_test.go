package acng

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

// real is a file as apt-cacher-ng 3.7.4 wrote it.
const real = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nLast-Modified: Wed, 25 Nov 2026 23:58:55 GMT\r\n" +
	"X-Original-Source: http://127.0.0.1:28711/debian/pool/main/g/g++/g++_1:2~rc_amd64.deb\r\n\r\n"

func TestParseHead(t *testing.T) {
	h, err := ParseHead([]byte(real))
	if err != nil || h.Size != 200000 || h.LastModified != "Wed, 25 Nov 2026 23:58:55 GMT" || h.ETag != "" {
		t.Fatalf("%+v, %v", h, err)
	}
	if b := h.Base("pool/main/g/g++/g++_1:2~rc_amd64.deb"); b == nil || b.String() != "http://127.0.0.1:28711/debian" {
		t.Errorf("base %v", b)
	}
	if b := h.Base("ool/main/g/g++/g++_1:2~rc_amd64.deb"); b != nil {
		t.Errorf("base %v", b)
	}
	escaped := strings.Replace(real, "g++_1:2~rc", "g%2b%2b_1%3a2~rc", 1)
	if h, err = ParseHead([]byte(escaped)); err != nil || h.Base("pool/main/g/g++/g++_1:2~rc_amd64.deb") == nil {
		t.Errorf("%+v, %v", h, err)
	}
	for _, bad := range []string{
		"", "\n", "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 206 Partial\r\n\r\n", "HTTP/1.1\r\n\r\n", "200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 10_000),
	} {
		if h, err := ParseHead([]byte(bad)); !errors.Is(err, ErrHead) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %+v, %v", bad, h, err)
		}
	}
	for _, odd := range []string{"-1", "x", "9223372036854775808", ""} {
		if h, err := ParseHead([]byte(strings.Replace(real, "200000", odd, 1))); err != nil || h.Size != -1 {
			t.Errorf("Content-Length %q: %+v, %v", odd, h, err)
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte(real), "pool/main/g/g++/g++_1:2~rc_amd64.deb")
	f.Add([]byte("HTTP/1.1 200 OK\r\nETag: \"x\"\r\nX-Original-Source: ://\r\n\r\n"), "")
	f.Add([]byte("HTTP/1.0 200 OK\nX-Original-Source: http://h/%2e%2e/a b\n\n"), "a b")
	f.Fuzz(func(t *testing.T, data []byte, rest string) {
		h, err := ParseHead(data)
		if err != nil {
			if !errors.Is(err, ErrHead) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%v", err)
			}
			return
		}
		if h.Size < -1 || strings.ContainsAny(h.ETag+h.LastModified, "\r\n") {
			t.Errorf("%+v", h)
		}
		if b := h.Base(rest); b != nil && (b.User != nil || b.Host == "" || (&url.URL{Path: b.Path + "/" + rest}).Path != h.Source.Path) {
			t.Errorf("base %v of %v", b, h.Source)
		}
	})
}
