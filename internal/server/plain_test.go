package server

import (
	"bufio"
	"bytes"
	"net/http"
	"testing"
)

func TestPlainRequest(t *testing.T) {
	for _, tc := range []struct {
		in     string
		target string // "" = not plain
	}{
		{"GET /debian/pool/a_1.0~rc1+b1.deb HTTP/1.1\r\nHost: m\r\nUser-Agent: Debian APT-HTTP/1.3 (2.6.1)\r\n\r\n", "/debian/pool/a_1.0~rc1+b1.deb"},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nConnection: Keep-Alive\r\nAccept: text/*\r\n\r\nGET /next", "/r/f"},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\n", ""},
		{"GET /r/f HTTP/1.1\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nHost: n\r\n\r\n", ""},
		{"GET /r/f HTTP/1.0\r\nHost: m\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "/r/f"},
		{"GET /r/f HTTP/1.1\r\nHost: bad host\r\n\r\n", ""},
		{"HEAD /r/f HTTP/1.1\r\nHost: m\r\n\r\n", ""},
		{"GET /r/f?x HTTP/1.1\r\nHost: m\r\n\r\n", ""},
		{"GET /r/%66 HTTP/1.1\r\nHost: m\r\n\r\n", ""},
		{"GET http://m/r/f HTTP/1.1\r\nHost: m\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nRange: bytes=0-\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nIf-None-Match: x\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nContent-Length: 1\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nAccept: a\r\n b\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost : m\r\n\r\n", ""},
		{"GET /r/f HTTP/1.1\nHost: m\n\n", ""},
		{"GET /r/f HTTP/1.1\r\nHost: m\r\nAccept: a\x00\r\n\r\n", ""},
		{"GET / HTTP/1.1\r\nHost: m\r\n\r\n", ""},
	} {
		target, n, ok := plainRequest([]byte(tc.in))
		if ok != (tc.target != "") || ok && target != tc.target {
			t.Errorf("%q: %q, %d, %v; expected %q", tc.in, target, n, ok, tc.target)
		}
	}
}

// FuzzPlainRequest: what is taken for plain, net/http reads as the same request,
// of the same length, without anything that would change the answer.
func FuzzPlainRequest(f *testing.F) {
	f.Add([]byte("GET /debian/pool/a_1.0.deb HTTP/1.1\r\nHost: m\r\nUser-Agent: apt\r\n\r\n"))
	f.Add([]byte("GET /r/f HTTP/1.1\r\nHost: m\r\nRange: bytes=0-\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		target, n, ok := plainRequest(in)
		if !ok {
			return
		}
		in = in[:n]
		r := bufio.NewReader(bytes.NewReader(in))
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("%q is plain, and net/http says %v", in, err)
		}
		if req.Method != "GET" || req.RequestURI != target || req.URL.EscapedPath() != target || req.ContentLength != 0 || req.Close || r.Buffered() != 0 {
			t.Fatalf("%q is plain with target %q, and net/http read %+v with %d bytes left", in, target, req, r.Buffered())
		}
		for _, field := range []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "Expect", "Upgrade"} {
			if req.Header.Get(field) != "" {
				t.Fatalf("%q is plain with %s", in, field)
			}
		}
	})
}
