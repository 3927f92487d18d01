package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/faulty"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/generic"
	"mirrord/internal/repo/rpm"
	"mirrord/internal/upstream"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a server with a generic repository "r" and an rpm repository "f" on an
// upstream.
type house struct {
	t    *testing.T
	up   *faulty.Server
	addr string
	srv  Server
	m    *mirror.Mirror

	store *cache.Store
}

func newHouse(t *testing.T) *house { return newHouseWith(t, Options{}, usualWaits) }

// newHouseWith fills in the options that the house brings.
func newHouseWith(t *testing.T, o Options, waits waits) *house {
	h := &house{t: t, up: faulty.New(t)}
	log := slog.New(slog.DiscardHandler)
	store, err := cache.Open(cache.Options{Dir: t.TempDir(), Log: log})
	h.store = store
	if err != nil {
		t.Fatal(err)
	}
	tr := upstream.NewTransport(upstream.Options{})
	base, _ := url.Parse("http://" + h.up.Host())
	group := func(name string) *upstream.Group {
		return upstream.NewGroup(upstream.Config{Name: name, Mirrors: []*url.URL{base}}, tr)
	}
	h.m, err = mirror.New(mirror.Options{Store: store, Log: log, Repos: []mirror.Config{
		{Name: "r", Adapter: generic.Adapter{}, Fresh: time.Hour, Upstream: group("r")},
		{Name: "f", Adapter: rpm.Adapter{}, Fresh: 0, Upstream: group("f")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	o.Mirror, o.Paths, o.Default, o.Log = h.m, []string{"/r/"}, "docker.io", log
	h.srv = newServer(o, waits)
	h.addr = h.listen(h.srv.Serve)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		h.srv.Close()
		h.m.Close()
		store.Close()
		tr.Close()
	})
	return h
}

// listen has serve take connections, and tells where.
func (h *house) listen(serve func(net.Listener) error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	go serve(l)
	return l.Addr().String()
}

func (h *house) set(path string, size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size)}).Read(data)
	h.up.Set("/"+path, data)
	return data
}

// get asks with the fields given; one that plainRequest does not know sends the
// request to net/http.
func (h *house) get(method, path string, fields ...string) (*http.Response, []byte) {
	h.t.Helper()
	req, err := http.NewRequest(method, "http://"+h.addr+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp, body
}

// TestBothWaysAlike: a hit is the same whether net/http answers it or not.
func TestBothWaysAlike(t *testing.T) {
	h := newHouse(t)
	for i, size := range []int{0, 1, 4 << 10, 16<<10 + 1, 64 << 10, 3 << 20} {
		ext := []string{"deb", "txt"}[i%2] // a dictionary or not
		path := fmt.Sprintf("f%d.%s", size, ext)
		data := h.set(path, size)
		h.get("GET", "/r/"+path)
		for range 2 {
			fast, body := h.get("GET", "/r/"+path)
			slow, other := h.get("GET", "/r/"+path, "X-Other", "1")
			if !bytes.Equal(body, data) || !bytes.Equal(other, data) {
				t.Fatalf("size %d: wrong bytes", size)
			}
			fast.Header.Del("Date")
			slow.Header.Del("Date")
			if got, want := fmt.Sprint(fast.Header, fast.Status), fmt.Sprint(slow.Header, slow.Status); got != want {
				t.Errorf("size %d:\n%s, net/http gives\n%s", size, got, want)
			}
			if cs := fast.Header.Get("Cache-Status"); cs != "mirrord; hit" {
				t.Errorf("size %d: %s", size, cs)
			}
		}
	}
}

// TestPipelined sends several requests at once, plain and other, in pieces that
// have nothing to do with where they end.
func TestPipelined(t *testing.T) {
	h := newHouse(t)
	small, large := h.set("small", 1000), h.set("large", 100_000)
	h.get("GET", "/r/small")
	h.get("GET", "/r/large")
	plain := func(p string) string { return "GET /r/" + p + " HTTP/1.1\r\nHost: m\r\n\r\n" }
	other := func(p string) string { return "GET /r/" + p + " HTTP/1.1\r\nHost: m\r\nX-Other: 1\r\n\r\n" }
	stream := plain("small") + plain("large") + other("small") + plain("small") + other("large") + plain("large")
	want := [][]byte{small, large, small, small, large, large}
	for _, piece := range []int{len(stream), 40, 7} {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for rest := stream; rest != ""; {
				n := min(piece, len(rest))
				io.WriteString(c, rest[:n])
				rest = rest[n:]
				time.Sleep(time.Millisecond)
			}
		}()
		r := bufio.NewReader(c)
		for i, data := range want {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("pieces of %d, answer %d: %v", piece, i, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Equal(body, data) {
				t.Fatalf("pieces of %d, answer %d: %d bytes, %v", piece, i, len(body), err)
			}
		}
		c.Close()
	}
}

func TestRangesAndConditions(t *testing.T) {
	h := newHouse(t)
	data := h.set("f", 100_000)
	first, _ := h.get("GET", "/r/f")
	tag := first.Header.Get("Etag")
	for _, tc := range []struct {
		field, value string
		status       int
		body         []byte
	}{
		{"Range", "bytes=10-19", 206, data[10:20]},
		{"Range", "bytes=-5", 206, data[len(data)-5:]},
		{"Range", "bytes=99999-", 206, data[99999:]},
		{"Range", "bytes=100000-", 416, nil},
		{"If-None-Match", tag, 304, nil},
		{"If-None-Match", `"other"`, 200, data},
		{"If-Match", `"other"`, 412, nil},
	} {
		resp, body := h.get("GET", "/r/f", tc.field, tc.value)
		if resp.StatusCode != tc.status || tc.body != nil && !bytes.Equal(body, tc.body) {
			t.Errorf("%s: %s: %s, %d bytes", tc.field, tc.value, resp.Status, len(body))
		}
	}
	resp, body := h.get("GET", "/r/f", "Range", "bytes=0-9,20-29")
	if resp.StatusCode != 206 || !bytes.Contains(body, data[20:30]) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("several ranges: %s, %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	resp, body = h.get("HEAD", "/r/f")
	if resp.StatusCode != 200 || resp.ContentLength != int64(len(data)) || len(body) != 0 {
		t.Errorf("HEAD: %s, %d", resp.Status, resp.ContentLength)
	}
	if n := h.up.Count("/f"); n != 1 {
		t.Errorf("upstream was asked %d times", n)
	}
}

// TestIndexPage: programs read it, by its lines.
func TestIndexPage(t *testing.T) {
	h := newHouse(t)
	const want = "mirrord serves these repositories:\n/r/\ndefault registry: docker.io\n"
	if _, body := h.get("GET", "/"); string(body) != want {
		t.Errorf("got %q", body)
	}
	if got := indexPage([]string{"/r/"}, ""); strings.Contains(got, "default") {
		t.Errorf("without a default: %q", got)
	}
}

func TestStatuses(t *testing.T) {
	h := newHouse(t)
	h.up.Fail("/forbidden", faulty.Status(403).Always())
	h.up.Fail("/broken", faulty.Status(500).Always())
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/", 200},
		{"GET", "/r/none", 404}, {"GET", "/other/f", 404}, {"GET", "/r", 404}, {"GET", "/r/", 404},
		{"GET", "/r/a%2fb", 400}, {"GET", "/r/a%5cb", 400}, {"GET", "/r/%00", 400}, {"GET", "/r/%2e%2e/x", 400},
		{"GET", "/%2e%2e/x", 400}, {"GET", "/%2e%2e", 400}, {"GET", "/%00", 400}, {"GET", "/r%2ff", 400},
		{"GET", "/r/" + strings.Repeat("a", 10_000), 400},
		{"POST", "/r/f", 405}, {"PUT", "/r/f", 405}, {"DELETE", "/r/f", 405},
		{"GET", "/r/forbidden", 403}, {"GET", "/r/broken", 503},
	} {
		resp, body := h.get(tc.method, tc.path)
		if resp.StatusCode != tc.status {
			t.Errorf("%s %.40s: %s %s", tc.method, tc.path, resp.Status, body)
		}
		if tc.status >= 500 && !strings.Contains(string(body), "r: http://"+h.up.Host()) {
			t.Errorf("%s does not name repository and upstream: %s", tc.path, body)
		}
	}
}

func TestCutDownloadBreaksTheConnection(t *testing.T) {
	h := newHouse(t)
	h.set("f", 1<<20)
	h.up.Fail("/f", faulty.Cut(500_000).And(faulty.IgnoreRange()).Always())
	resp, err := http.Get("http://" + h.addr + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil && resp.StatusCode == http.StatusOK { // it may have failed before the header went out
		t.Errorf("%d of %d bytes, and a clean end", n, 1<<20)
	}
}

// TestShutdownLetsHitsEnd: a download that net/http knows nothing of ends before
// the server does.
func TestShutdownLetsHitsEnd(t *testing.T) {
	h := newHouse(t)
	data := h.set("f", 16<<20)
	h.get("GET", "/r/f")
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		done <- h.srv.Shutdown(ctx)
	}()
	time.Sleep(50 * time.Millisecond)
	body, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(body, data) {
		t.Errorf("%d of %d bytes, %v", len(body), len(data), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
