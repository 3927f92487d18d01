package server

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"mirrord/internal/accesslog"
	"mirrord/internal/faulty"
)

// notes are what a server says it answered.
type notes struct {
	t   *testing.T
	mu  sync.Mutex
	all []accesslog.Entry // guarded by mu
}

func (n *notes) take(e *accesslog.Entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, *e)
}

// last waits for the next entry, which is written after the client has its answer.
func (n *notes) last(had int) accesslog.Entry {
	n.t.Helper()
	for range 500 {
		n.mu.Lock()
		if len(n.all) > had {
			defer n.mu.Unlock()
			if len(n.all) > had+1 {
				n.t.Fatalf("several entries for one request: %+v", n.all[had:])
			}
			return n.all[had]
		}
		n.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	n.t.Fatal("no entry")
	return accesslog.Entry{}
}

func (n *notes) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.all)
}

// brief is what the tests compare.
func brief(e accesslog.Entry) string {
	return fmt.Sprintf("%s %s %s %s %d %d %q repo=%s cache=%s aborted=%v", e.Addr, e.Method, e.URI, e.Proto, e.Status, e.Bytes, e.Agent, e.Repo, e.Cache, e.Aborted)
}

// TestAccessLog: every request has an entry, whoever answers it.
func TestAccessLog(t *testing.T) {
	n := &notes{t: t}
	own, roots := identity(t)
	h := newHouseWith(t, Options{Access: n.take, TLS: own}, usualWaits)
	secure := h.listen(h.srv.ServeTLS)
	h.set("small", 1000)
	h.set("large", 100_000)
	h.up.Fail("/broken", faulty.Status(500).Always())
	tr := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: own.Clone()}
	tr.TLSClientConfig.RootCAs, tr.TLSClientConfig.Certificates = roots, nil
	t.Cleanup(tr.CloseIdleConnections)
	for _, tc := range []struct {
		method, path, field string
		tls                 bool
		want                string
	}{
		{"GET", "/r/small", "", false, `GET /r/small HTTP/1.1 200 1000 "ua" repo=r cache=miss aborted=false`},
		{"GET", "/r/small", "", false, `GET /r/small HTTP/1.1 200 1000 "ua" repo=r cache=hit aborted=false`},
		{"GET", "/r/small", "X-Other", false, `GET /r/small HTTP/1.1 200 1000 "ua" repo=r cache=hit aborted=false`},
		{"GET", "/r/large", "", false, `GET /r/large HTTP/1.1 200 100000 "ua" repo=r cache=miss aborted=false`},
		{"GET", "/r/large", "", false, `GET /r/large HTTP/1.1 200 100000 "ua" repo=r cache=hit aborted=false`},
		{"GET", "/r/large", "X-Other", false, `GET /r/large HTTP/1.1 200 100000 "ua" repo=r cache=hit aborted=false`},
		{"GET", "/r/large", "", true, `GET /r/large HTTP/2.0 200 100000 "ua" repo=r cache=hit aborted=false`},
		{"HEAD", "/r/large", "", false, `HEAD /r/large HTTP/1.1 200 0 "ua" repo=r cache=hit aborted=false`},
		{"HEAD", "/nothing", "", false, `HEAD /nothing HTTP/1.1 404 0 "ua" repo= cache= aborted=false`},
		{"GET", "/r/large", "Range", false, `GET /r/large HTTP/1.1 206 10 "ua" repo=r cache=hit aborted=false`},
		{"GET", "/healthz?x=\"1", "", false, `GET /healthz?x="1 HTTP/1.1 200 3 "ua" repo= cache= aborted=false`},
		{"GET", "/other/x", "", false, `GET /other/x HTTP/1.1 404 28 "ua" repo= cache= aborted=false`},
		{"GET", "/v2/", "", false, `GET /v2/ HTTP/1.1 200 2 "ua" repo= cache= aborted=false`},
		{"POST", "/r/small", "", false, `POST /r/small HTTP/1.1 405 0 "ua" repo= cache= aborted=false`},
		{"GET", "/r/broken", "", false, ""},
	} {
		had := n.count()
		client, url := http.DefaultClient, "http://"+h.addr
		if tc.tls {
			client, url = &http.Client{Transport: tr}, "https://"+secure
		}
		req, err := http.NewRequest(tc.method, url+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "ua")
		if tc.field != "" {
			req.Header.Set(tc.field, "bytes=0-9")
		}
		start := time.Now()
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		e := n.last(had)
		if tc.want == "" {
			tc.want = fmt.Sprintf(`GET /r/broken HTTP/1.1 503 %d "ua" repo=r cache= aborted=false`, len(body))
		}
		if got := brief(e); got != "127.0.0.1 "+tc.want {
			t.Errorf("got\n%s, expected\n127.0.0.1 %s", got, tc.want)
		}
		if e.At.Before(start) || e.Took <= 0 || e.Took > time.Since(start) {
			t.Errorf("%s: at %v for %v", tc.path, e.At, e.Took)
		}
	}
}

// TestAccessLogOfBrokenOff: what did not end well is marked, with the bytes that went
// out.
func TestAccessLogOfBrokenOff(t *testing.T) {
	n := &notes{t: t}
	h := newHouseWith(t, Options{Access: n.take}, usualWaits)
	h.set("cut", 1<<20)
	h.up.Rate(2 << 20) // the header is out long before the end
	h.up.Fail("/cut", faulty.Chunked().And(faulty.Cut(300_000)).And(faulty.IgnoreRange()).Always())
	resp, err := http.Get("http://" + h.addr + "/r/cut")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if e := n.last(0); !e.Aborted || e.Status != 200 || e.Bytes == 0 || e.Bytes >= 1<<20 {
		t.Errorf("upstream broke off: %s", brief(e))
	}
	h.up.Rate(0)
	h.set("left", 64<<20) // more than client and kernel hold
	for i, field := range []string{"X-Warm", "", "X-Other"} {
		req, _ := http.NewRequest("GET", "http://"+h.addr+"/r/left", nil)
		if field != "" {
			req.Header.Set(field, "1")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			io.Copy(io.Discard, resp.Body)
		} else {
			io.CopyN(io.Discard, resp.Body, 1000)
		}
		resp.Body.Close()
		if e := n.last(1 + i); e.Aborted != (i > 0) || (e.Bytes == 64<<20) != (i == 0) {
			t.Errorf("%q: the client left: %s", field, brief(e))
		}
	}
}

// fileSender is a ResponseWriter that can send files by itself.
type fileSender struct {
	http.ResponseWriter
	sent io.Reader
}

func (w *fileSender) ReadFrom(src io.Reader) (int64, error) {
	w.sent = src
	return io.Copy(io.Discard, src)
}

// TestRecorderLetsFilesThrough: the kernel still sends them.
func TestRecorderLetsFilesThrough(t *testing.T) {
	name := t.TempDir() + "/f"
	if err := os.WriteFile(name, bytes.Repeat([]byte("x"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &fileSender{ResponseWriter: httptest.NewRecorder()}
	rec := &recorder{ResponseWriter: w}
	http.ServeContent(rec, httptest.NewRequest("GET", "/f", nil), "", time.Time{}, f)
	limited, ok := w.sent.(*io.LimitedReader)
	if !ok || limited.R != io.Reader(f) {
		t.Errorf("given %T", w.sent)
	}
	if e := rec.done(); e.Bytes != 1000 || e.Status != http.StatusOK {
		t.Errorf("%d bytes, %d", e.Bytes, e.Status)
	}
}
