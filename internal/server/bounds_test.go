package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// shortWaits are those of a server that a test outlasts. idle and stall are long
// where the test is not of them.
var shortWaits = waits{header: 300 * time.Millisecond, request: 300 * time.Millisecond, idle: time.Minute, stall: time.Minute}

// dribble writes the texts, each by itself, and then, one byte every few milliseconds,
// more of the last byte, until the other side has had enough. It tells how long that
// took.
func dribble(t *testing.T, c net.Conn, texts ...string) time.Duration {
	t.Helper()
	for _, text := range texts {
		io.WriteString(c, text)
		time.Sleep(20 * time.Millisecond)
	}
	text, start := texts[len(texts)-1], time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, c)
	}()
	for {
		select {
		case <-done:
			return time.Since(start)
		case <-time.After(20 * time.Millisecond):
			if _, err := io.WriteString(c, text[len(text)-1:]); err != nil {
				<-done
				return time.Since(start)
			}
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("the server is still patient")
		}
	}
}

// TestDribble: whoever sends a request byte by byte is left, wherever he begins to.
func TestDribble(t *testing.T) {
	h, secure, _, conf := secureHouse(t, shortWaits)
	h.set("f", 1000)
	h.get("GET", "/r/f")
	hit := "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n"
	other := strings.Replace(hit, "Host", "X-Other: 1\r\nHost", 1)
	const header = "GET /r/f HTTP/1.1\r\nHost: m\r\nX: a"
	for name, texts := range map[string][]string{
		"header":                   {header},
		"first byte":               {"G"},
		"header behind hits":       {hit + hit + header},
		"header after a hit":       {hit, header},
		"header after both":        {hit, other, hit, header},
		"header behind the others": {other + hit + header},
		"body":                     {"POST /r/f HTTP/1.1\r\nHost: m\r\nContent-Length: 100000\r\n\r\na"},
		"body of a GET":            {"GET /r/f HTTP/1.1\r\nHost: m\r\nContent-Length: 60000\r\n\r\na"},
	} {
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		if took := dribble(t, c, texts...); took < shortWaits.header/2 || took > 10*time.Second {
			t.Errorf("%s: left after %v", name, took)
		}
		c.Close()
	}
	c, err := net.Dial("tcp", secure)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if took := dribble(t, c, "\x16\x03\x01\x02\x00\x01"); took > 10*time.Second { // the beginning of a ClientHello
		t.Errorf("TLS: left after %v", took)
	}
	over, err := tls.Dial("tcp", secure, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	if took := dribble(t, over, "GET /r/f HTTP/1.1\r\nHost: m\r\nX: a"); took > 10*time.Second {
		t.Errorf("header over TLS: left after %v", took)
	}
}

// TestSlowReaderIsNoDribbler: waits for requests do not count for a download.
func TestSlowReaderIsNoDribbler(t *testing.T) {
	h := newHouseWith(t, Options{}, shortWaits)
	data := h.set("f", 32<<20) // more than client and kernel hold
	h.get("GET", "/r/f")
	h.up.Rate(1 << 20)
	cold := h.set("cold", 1<<20)
	for name, request := range map[string]string{
		"plain":    "GET /r/f HTTP/1.1\r\nHost: m\r\n\r\n",
		"net/http": "GET /r/f HTTP/1.1\r\nHost: m\r\nX-Other: 1\r\n\r\n",
		"cold":     "GET /r/cold HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\n\r\nbody",
	} {
		data := data
		if name == "cold" {
			data = cold
		}
		c, err := net.Dial("tcp", h.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, request)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		time.Sleep(3 * shortWaits.header)
		body, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(body, data) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(body), len(data), err)
		}
		c.Close()
	}
}

// TestShutWindow: a client of HTTP/2 that asks and then takes nothing does not keep
// what it asked for.
func TestShutWindow(t *testing.T) {
	waits := usualWaits
	waits.stall = 500 * time.Millisecond
	h, addr, client, _ := secureHouse(t, waits)
	h.set("f", 32<<20) // more than client and kernel hold
	h.get("GET", "/r/f")
	resp, err := client(true).Get("https://" + addr + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	time.Sleep(4 * waits.stall)
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("%d bytes after a rest, and no reset", n)
	}
}

// TestSteadyWindow: one that takes a little now and then gets all.
func TestSteadyWindow(t *testing.T) {
	waits := usualWaits
	waits.stall = 2500 * time.Millisecond // less than the whole takes, much more than a piece
	h, addr, client, _ := secureHouse(t, waits)
	data := h.set("f", 20<<20)
	h.get("GET", "/r/f")
	resp, err := client(true).Get("https://" + addr + "/r/f")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	for {
		n, err := io.CopyN(&got, resp.Body, 512<<10)
		if n == 0 || err != nil {
			break
		}
		time.Sleep(waits.stall / 20)
	}
	if !bytes.Equal(got.Bytes(), data) {
		t.Errorf("%d of %d bytes", got.Len(), len(data))
	}
}
