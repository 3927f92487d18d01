package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/mirror"
)

// TestSettle: hits go on without the mirror, on every kind of connection; what is still
// being fetched is waited for.
func TestSettle(t *testing.T) {
	h, secure, client, conf := secureHouse(t, usualWaits)
	data := h.set("f", 32<<20) // more than client and kernel hold
	h.set("small", 10)
	h.get("GET", "/r/f")
	h.get("GET", "/r/small")
	hits := map[string]*http.Response{}
	_, hits["fast"] = h.open(nil, h.addr, plainF)
	hits["fast after net/http"] = h.second(strings.Replace(otherF, "/f", "/small", 1), plainF)
	_, hits["net/http"] = h.open(nil, h.addr, otherF)
	_, hits["TLS"] = h.open(conf, secure, plainF)
	resp, err := client(true).Get("https://" + secure + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	hits["HTTP/2"] = resp
	h.up.Rate(1 << 20)
	cold := h.set("cold", 1<<20)
	misses := map[string]*http.Response{}
	_, misses["miss"] = h.open(nil, h.addr, strings.Replace(plainF, "/f", "/cold", 1))
	misses["miss over HTTP/2"], err = client(true).Get("https://" + secure + "/r/cold")
	if err != nil {
		t.Fatal(err)
	}
	if h.srv.Quiet() {
		t.Error("quiet, with misses under way")
	}
	var wg sync.WaitGroup
	for what, resp := range misses {
		wg.Go(func() { h.whole(what, resp, cold) })
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.srv.Shutdown(within(30 * time.Second)) }()
	start := time.Now()
	if err := h.srv.Settle(within(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 200*time.Millisecond || took > 15*time.Second {
		t.Errorf("a second's miss was waited for %v", took)
	}
	if n := h.srv.Busy(); n != len(hits) {
		t.Errorf("%d connections are busy, expected %d", n, len(hits))
	}
	h.m.Close()
	wg.Wait()
	for what, resp := range hits {
		h.whole(what, resp, data)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestSettleEnds when its time does.
func TestSettleEnds(t *testing.T) {
	h := newHouse(t)
	h.set("f", 1<<20)
	h.up.Fail("/f", faulty.Stall(1000).Always())
	h.open(nil, h.addr, plainF)
	go h.srv.Shutdown(within(5 * time.Second))
	if err := h.srv.Settle(within(300 * time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a fetch that never ends: %v", err)
	}
	h.srv.Close()
}

// TestLate: who comes when the mirror is another's is told to come again.
func TestLate(t *testing.T) {
	h := newHouse(t)
	h.set("f", 1000)
	h.srv.s.leaving.Store(true)
	h.srv.s.handed.Store(true)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for method, status := range map[string]int{"GET": 307, "HEAD": 307, "POST": 503, "PURGE": 503} {
		req, _ := http.NewRequest(method, "http://"+h.addr+"/r/f%2B?x=1", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status || !resp.Close || status == 307 && resp.Header.Get("Location") != "/r/f%2B?x=1" {
			t.Errorf("%s: %s, %v", method, resp.Status, resp.Header)
		}
	}
}

// handedMirror fails the test when it is asked after it was given away.
type handedMirror struct {
	Mirror
	t    *testing.T
	away atomic.Bool
	n    atomic.Int64
}

func (m *handedMirror) Open(ctx context.Context, r mirror.Request) (*mirror.Answer, error) {
	m.n.Add(1)
	if m.away.Load() {
		m.t.Error("the mirror is asked after it was given away")
	}
	wait := time.Millisecond // a window for what must not happen
	if r.OnlyHit {
		wait = 20 * time.Millisecond // nobody else is as late
	}
	time.Sleep(wait)
	a, err := m.Mirror.Open(ctx, r)
	if m.away.Load() {
		m.t.Error("the mirror was given away while it was asked")
	}
	return a, err
}

// TestNothingAsksAfterSettle: under load over all kinds of connections, the mirror is
// not asked from the moment on that Settle has returned, and every answer that began
// is whole.
func TestNothingAsksAfterSettle(t *testing.T) {
	h, _, _, _ := secureHouse(t, usualWaits)
	data := h.set("f", 20_000)
	h.get("GET", "/r/f")
	for range 15 {
		own, roots := identity(t)
		o := h.srv.s.Options
		m := &handedMirror{Mirror: h.m, t: t}
		o.Mirror, o.TLS = m, own
		srv := newServer(o, usualWaits)
		addr, secure := h.listen(srv.Serve), h.listen(srv.ServeTLS)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for n := range 8 {
			tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: n%4 == 3, DisableKeepAlives: n%4 == 1}
			client := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			url := "http://" + addr
			if n%4 >= 2 {
				url = "https://" + secure
			}
			wg.Go(func() {
				defer tr.CloseIdleConnections()
				for {
					select {
					case <-stop:
						return
					default:
					}
					req, _ := http.NewRequest("GET", url+"/r/f", nil)
					if n >= 4 {
						req.Header.Set("X-Other", "1")
					}
					resp, err := client.Do(req)
					if err != nil {
						return // nobody listens any more
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode == http.StatusOK && (err != nil || !bytes.Equal(body, data)) {
						t.Errorf("client %d: %d of %d bytes, %v", n, len(body), len(data), err)
					}
				}
			})
		}
		time.Sleep(30 * time.Millisecond)
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Shutdown(within(20 * time.Second)) }()
		if err := srv.Settle(within(20 * time.Second)); err != nil {
			t.Error(err)
		}
		m.away.Store(true)
		time.Sleep(20 * time.Millisecond)
		close(stop)
		wg.Wait()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if m.n.Load() == 0 {
			t.Error("nothing was asked at all")
		}
	}
}

// TestAskedAfterSettle: on a connection of TLS, which a stop leaves to net/http, the
// client is sent on.
func TestAskedAfterSettle(t *testing.T) {
	h, secure, _, conf := secureHouse(t, usualWaits)
	h.set("f", 1000)
	h.get("GET", "/r/f")
	c, err := tls.Dial("tcp", secure, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for _, status := range []int{http.StatusOK, http.StatusTemporaryRedirect} {
		io.WriteString(c, plainF)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != status {
			t.Errorf("%s, expected %d", resp.Status, status)
		}
		if err := h.srv.Settle(within(10 * time.Second)); err != nil {
			t.Error(err)
		}
	}
}

// slowListener takes its time with what it has accepted.
type slowListener struct{ net.Listener }

func (l slowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		time.Sleep(300 * time.Millisecond)
	}
	return c, err
}

// TestAcceptedDuringSettle: a connection that the kernel has given out is served,
// however late it is seen.
func TestAcceptedDuringSettle(t *testing.T) {
	h := newHouse(t)
	data := h.set("f", 1000)
	h.get("GET", "/r/f")
	addr := h.listen(func(l net.Listener) error { return h.srv.Serve(slowListener{l}) })
	c, _ := h.open(nil, addr, "")
	io.WriteString(c, otherF)
	time.Sleep(50 * time.Millisecond)
	if err := h.srv.Settle(within(10 * time.Second)); err != nil {
		t.Error(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.whole("accepted late", resp, data)
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}
