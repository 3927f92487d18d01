package server

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/faulty"
	"mirrord/internal/mirror"
)

// TestRequestWithinARequest: bytes in the middle of a header are never taken for
// a request, wherever the pieces end. A proxy that shares its connection would
// give one client the answer to another's request.
func TestRequestWithinARequest(t *testing.T) {
	h := newHouse(t)
	f, g := h.set("f", 1000), h.set("g", 2000)
	h.get("GET", "/r/f")
	h.get("GET", "/r/g")
	long := "X-Long: " + string(bytes.Repeat([]byte("a"), 4096-len("GET /r/f HTTP/1.1\r\nX-Long: ")))
	within := "GET /r/g HTTP/1.1\r\nHost: m\r\n\r\n"
	whole := "GET /r/f HTTP/1.1\r\nHost: m\r\nX-Other: 1\r\n\r\n"
	for name, tc := range map[string]struct {
		pieces []string
		want   [][]byte
	}{
		"short":                  {[]string{"GET /r/f HTTP/1.1\r\nX: ", within}, [][]byte{f}},
		"a full buffer":          {[]string{"GET /r/f HTTP/1.1\r\n" + long, within}, [][]byte{f}},
		"behind another request": {[]string{whole + "GET /r/f HTTP/1.1\r\nX: ", within}, [][]byte{f, f}},
		"and plain ones after":   {[]string{whole, within, within}, [][]byte{f, g, g}},
	} {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for _, p := range tc.pieces {
				io.WriteString(c, p)
				time.Sleep(30 * time.Millisecond)
			}
		}()
		r := bufio.NewReader(c)
		for i, data := range tc.want {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%s, answer %d: %v", name, i, err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(body, data) {
				t.Errorf("%s, answer %d: %d bytes, %v; expected %d", name, i, len(body), err, len(data))
			}
		}
		c.Close()
	}
}

// cutFile is a stored object whose file was cut behind the store's back.
type cutFile struct {
	*os.File
	size int64
}

func (f *cutFile) Descriptor() (fd int, off, left int64) { return int(f.Fd()), 0, f.size }
func (f *cutFile) Advance(int64)                         {}
func (f *cutFile) Fail(error)                            {}

type cutMirror struct {
	Mirror
	file *cutFile
}

func (m cutMirror) Open(context.Context, mirror.Request) (*mirror.Answer, error) {
	return &mirror.Answer{Content: &cache.Content{ReadSeeker: m.file, Size: m.file.size}}, nil
}

// TestRequestAfterNULs: nor after bytes that look like nothing.
func TestRequestAfterNULs(t *testing.T) {
	h := newHouse(t)
	h.set("f", 1000)
	h.get("GET", "/r/f")
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: \x00\x00\x00\x00")
	time.Sleep(50 * time.Millisecond)
	io.WriteString(c, "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a header that does not end was answered with %s", resp.Status)
	}
}

// TestCutFileBreaksTheConnection: nothing else is sent in place of missing bytes.
func TestCutFileBreaksTheConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := New(Options{Mirror: cutMirror{file: &cutFile{file, 100_050}}})
	go srv.Serve(l)
	defer srv.Close()
	resp, err := http.Get("http://" + l.Addr().String() + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("a clean end, with %q", body[100_000:])
	}
}

// TestOlderDateIsNotUnmodified: bytes that carry an older date than those a client
// has are not those.
func TestOlderDateIsNotUnmodified(t *testing.T) {
	h := newHouse(t)
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	h.up.Set("/f", []byte("rolled back"), faulty.Modified(at))
	h.get("GET", "/r/f")
	for offset, status := range map[time.Duration]int{0: 304, time.Hour: 200, -time.Hour: 200} {
		resp, _ := h.get("GET", "/r/f", "If-Modified-Since", at.Add(offset).Format(http.TimeFormat))
		if resp.StatusCode != status {
			t.Errorf("%v later: %s, expected %d", offset, resp.Status, status)
		}
	}
}

// TestCutStreamIsNoCleanEnd: a body of unknown size that breaks off ends with an
// error, also for who speaks HTTP/1.0, where closing is the end, and for who has
// closed its own side already.
func TestCutStreamIsNoCleanEnd(t *testing.T) {
	h := newHouse(t)
	for path, tc := range map[string]struct {
		request string
		fault   faulty.Fault
		half    bool
	}{
		"cut":  {"GET /r/cut HTTP/1.0\r\n\r\n", faulty.Cut(300_000), false},
		"half": {"GET /r/half HTTP/1.1\r\nHost: m\r\n\r\n", faulty.Stall(300_000), true},
	} {
		h.set(path, 1<<20)
		h.up.Rate(2 << 20) // the header is out long before the end
		h.up.Fail("/"+path, faulty.Chunked().And(tc.fault).And(faulty.IgnoreRange()).Always())
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, tc.request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if tc.half {
			c.(*net.TCPConn).CloseWrite()
		}
		if n, err := io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode == http.StatusOK {
			t.Errorf("%s: %d bytes of %d, and a clean end", path, n, 1<<20)
		}
		c.Close()
	}
}
