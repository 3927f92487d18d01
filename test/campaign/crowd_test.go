package campaign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	sippers   = 2000 // clients that read slowly
	dribblers = 300  // clients that never end their request's header
	crowdSize = 1 << 20
	// sipEvery is how often a slow client takes sip bytes, sips times.
	sip, sips = 8 << 10, 20
	sipEvery  = 200 * time.Millisecond
	// dribbleMost is longer than a header may take (10 s), on a busy machine.
	dribbleMost = 20 * time.Second
)

// TestCrowd: two thousand clients that hardly read and some hundred that hardly write
// keep nobody else from anything, and when they are gone nothing of them is left.
func TestCrowd(t *testing.T) {
	u := faulty.New(t)
	data := rig.Content(1, crowdSize)
	u.Set("/f", data)
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: files, type: generic, fresh: 1h, upstreams: [%q]}", u.URL)})
	for range 2 {
		if err := rig.Get(m.URL("files/f")).Right("", data); err != nil {
			t.Fatal(err)
		}
	}
	before, err := takeVitals(m)
	if err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	var there atomic.Int64
	for i := range sippers {
		crowd.Go(func() {
			if err := sipFrom(m.Addr(), data, i%2 == 0, func() { there.Add(1) }); err != nil {
				t.Errorf("a slow client: %v", err)
			}
		})
	}
	for range dribblers {
		crowd.Go(func() {
			if err := dribble(m.Addr(), func() { there.Add(1) }); err != nil {
				t.Errorf("a dribbler: %v", err)
			}
		})
	}
	for end := time.Now().Add(20 * time.Second); there.Load() < sippers+dribblers && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if n := there.Load(); n < sippers+dribblers {
		t.Errorf("%d clients are there, expected %d", n, sippers+dribblers)
	}
	for range 20 {
		if err := rig.Get(m.URL("files/f")).Right("", data); err != nil {
			t.Errorf("in the crowd: %v", err)
		}
	}
	crowd.Wait()
	calms(t, m, before, 1)
	if n := u.Count("/f"); n != 1 {
		t.Errorf("upstream was asked %d times", n)
	}
	if strings.Contains(m.Log(), "panic") {
		t.Error("mirrord panicked")
	}
}

// sipFrom reads slowly, and then either leaves or reads the rest.
func sipFrom(addr string, data []byte, leaves bool, began func()) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(sip) // what does not fit is with mirrord
	fmt.Fprintf(conn, "GET /files/f HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	began()
	got := make([]byte, sip)
	for i := range sips {
		if _, err := io.ReadFull(resp.Body, got); err != nil {
			return err
		}
		if !bytes.Equal(got, data[i*sip:(i+1)*sip]) {
			return errors.New("wrong bytes")
		}
		time.Sleep(sipEvery)
	}
	if leaves {
		return nil
	}
	rest, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Equal(rest, data[sips*sip:]) {
		err = errors.New("wrong bytes")
	}
	return err
}

// dribble sends a header that does not end, and expects to be sent away.
func dribble(addr string, began func()) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /files/f HTTP/1.1\r\nHost: x\r\nX: "); err != nil {
		return err
	}
	began()
	for end := time.Now().Add(dribbleMost); time.Now().Before(end); {
		if _, err := io.WriteString(conn, "x"); err != nil {
			return nil // closed
		}
		conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 512)); err == io.EOF || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
	}
	return fmt.Errorf("still connected after %v", dribbleMost)
}
