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
	"testing"
	"time"
)

const (
	plainF = "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n"
	otherF = "GET /r/f HTTP/1.1\r\nHost: m\r\nX-Other: 1\r\n\r\n"
)

// open dials, sends text and reads the header of the answer, where text is not "".
func (h *house) open(conf *tls.Config, addr, text string) (net.Conn, *http.Response) {
	h.t.Helper()
	var c net.Conn
	var err error
	if conf == nil {
		c, err = net.Dial("tcp", addr)
	} else {
		c, err = tls.Dial("tcp", addr, conf)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	if text == "" {
		return c, nil
	}
	io.WriteString(c, text)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return c, resp
}

// second is the answer to the second of two requests on one connection.
func (h *house) second(first, text string) *http.Response {
	h.t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	r := bufio.NewReader(c)
	ask := func(text string) *http.Response {
		io.WriteString(c, text)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		return resp
	}
	io.Copy(io.Discard, ask(first).Body)
	return ask(text)
}

func (h *house) whole(what string, resp *http.Response, data []byte) {
	h.t.Helper()
	if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(body, data) {
		h.t.Errorf("%s: %d of %d bytes, %v", what, len(body), len(data), err)
	}
}

func within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// TestShutdownOfResting: connections on which nothing is under way do not hold a stop
// up, whatever was asked on them before.
func TestShutdownOfResting(t *testing.T) {
	h, secure, client, conf := secureHouse(t, usualWaits)
	h.set("f", 1000)
	h.get("GET", "/r/f")
	for _, text := range []string{plainF, otherF} {
		_, resp := h.open(nil, h.addr, text)
		io.Copy(io.Discard, resp.Body)
	}
	_, resp := h.open(conf, secure, plainF)
	io.Copy(io.Discard, resp.Body)
	resp, err := client(true).Get("https://" + secure + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	start := time.Now()
	if err := h.srv.Shutdown(within(20 * time.Second)); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 4*time.Second { // net/http alone takes 5 s
		t.Errorf("it took %v", took)
	}
}

// TestShutdownOfSilent: one on which nothing was ever asked is waited for, and then
// ended.
func TestShutdownOfSilent(t *testing.T) {
	h := newHouse(t)
	data := h.set("f", 1000)
	h.get("GET", "/r/f")
	silent, _ := h.open(nil, h.addr, "")
	late, _ := h.open(nil, h.addr, "")
	done := make(chan error, 1)
	go func() { done <- h.srv.Shutdown(within(20 * time.Second)) }()
	time.Sleep(freshFor / 4)
	io.WriteString(late, plainF)
	resp, err := http.ReadResponse(bufio.NewReader(late), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.whole("asked during the stop", resp, data)
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("an answer to nothing")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestShutdownGivesHitsAllItsTime: a download that net/http knows nothing of may take
// as long as the stop may.
func TestShutdownGivesHitsAllItsTime(t *testing.T) {
	h := newHouse(t)
	data := h.set("f", 32<<20) // more than client and kernel hold
	h.get("GET", "/r/f")
	c, resp := h.open(nil, h.addr, plainF)
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	done := make(chan error, 1)
	go func() { done <- h.srv.Shutdown(within(4 * time.Second)) }()
	time.Sleep(3 * time.Second)
	h.whole("after three quarters of the time", resp, data)
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, resp = h.openAgain(plainF)
	start := time.Now()
	if err := h.srv.Shutdown(within(time.Second)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that nobody reads: %v", err)
	}
	h.srv.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes, and a clean end", n)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// openAgain has a new server, after the old one was stopped, answer.
func (h *house) openAgain(text string) (net.Conn, *http.Response) {
	h.srv = newServer(h.srv.s.Options, h.srv.s.waits)
	h.addr = h.listen(h.srv.Serve)
	return h.open(nil, h.addr, text)
}

func TestReadyWhileDraining(t *testing.T) {
	h := newHouse(t)
	if resp, _ := h.get("GET", "/readyz"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	h.srv.Drain()
	if resp, _ := h.get("GET", "/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Error(resp.Status)
	}
	if resp, _ := h.get("GET", "/healthz"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}
