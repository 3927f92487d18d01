package service

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// download is an answer whose header has come, and whose body the test reads when it
// wants to.
type download struct {
	t    *testing.T
	body io.Reader
}

func (d *daemon) begin(path string) *download {
	d.t.Helper()
	c, err := net.Dial("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: m\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &download{d.t, resp.Body}
}

// whole reads the rest.
func (w *download) whole(what string, data []byte) {
	w.t.Helper()
	if got, err := io.ReadAll(w.body); err != nil || !bytes.Equal(got, data) {
		w.t.Errorf("%s: %d of %d bytes, %v", what, len(got), len(data), err)
	}
}

// TestDrain: after SIGTERM nobody new is let in, and what is under way, hit or miss,
// ends.
func TestDrain(t *testing.T) {
	up := faulty.New(t)
	hit, miss := rig.Content(1, 32<<20), rig.Content(2, 2<<20)
	up.Set("/hit", hit)
	up.Set("/miss", miss)
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t)}).answers()
	if r := rig.Get(d.url("/r/hit")); r.Right("", hit) != nil {
		t.Fatal(r.How())
	}
	up.Rate(2 << 20)
	stored, coming := d.begin("/r/hit"), d.begin("/r/miss")
	d.signal(syscall.SIGTERM)
	eventually(t, "a closed door", func() bool { return rig.Get(d.url("/healthz")).Err != nil })
	coming.whole("miss", miss)
	stored.whole("hit", hit)
	if code := d.ended(d.pid); code != 0 {
		t.Errorf("exit %d", code)
	}
	d.fsck()
	if n := up.Count("/miss"); n != 1 {
		t.Errorf("upstream was asked for the miss %d times", n)
	}
}

// TestDrainEnds after its time: what is not through then is broken off, and what was
// fetched of it is kept.
func TestDrainEnds(t *testing.T) {
	up := faulty.New(t)
	data := rig.Content(1, 4<<20)
	up.Set("/f", data)
	config := "drain: 500ms\nrepos:\n  " + repo(up)
	d := startDaemon(t, launch{config: config, listen: rig.FreeAddr(t)}).answers()
	up.Rate(1 << 20)
	coming := d.begin("/r/f")
	if _, err := io.ReadFull(coming.body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	d.stop()
	if took := time.Since(start); took < 400*time.Millisecond || took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if n, err := io.Copy(io.Discard, coming.body); err == nil {
		t.Errorf("%d more bytes, and a clean end", n)
	}
	d.fsck()
	up.Rate(0)
	again := startDaemon(t, launch{config: config, listen: d.addr, data: d.data}).answers()
	if r := rig.Get(again.url("/r/f")); r.Right("", data) != nil {
		t.Error(r.How())
	}
	last := up.Requests()[len(up.Requests())-1]
	if !strings.HasPrefix(last.Header.Get("Range"), "bytes=") || strings.HasPrefix(last.Header.Get("Range"), "bytes=0-") {
		t.Errorf("the rest was asked for with Range %q", last.Header.Get("Range"))
	}
	again.stop()
}

// TestDrainDelay: before it closes the door, mirrord says at /readyz that it will.
func TestDrainDelay(t *testing.T) {
	up := faulty.New(t)
	up.Set("/f", rig.Content(1, 1000))
	d := startDaemon(t, launch{config: "drain_delay: 1s\nrepos:\n  " + repo(up), listen: rig.FreeAddr(t)}).answers()
	start := time.Now()
	d.signal(syscall.SIGTERM)
	eventually(t, "503 at /readyz", func() bool { return rig.Get(d.url("/readyz")).Status == http.StatusServiceUnavailable })
	if r := rig.Get(d.url("/r/f")); r.Status != http.StatusOK {
		t.Errorf("meanwhile: %s", r.How())
	}
	if code := d.ended(d.pid); code != 0 || time.Since(start) < time.Second {
		t.Errorf("exit %d after %v", code, time.Since(start))
	}
}

// TestSecondSignal ends it at once.
func TestSecondSignal(t *testing.T) {
	up := faulty.New(t)
	up.Set("/f", rig.Content(1, 4<<20))
	up.Rate(1 << 20)
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t)}).answers()
	d.begin("/r/f")
	d.signal(syscall.SIGTERM)
	eventually(t, "a closed door", func() bool { return rig.Get(d.url("/healthz")).Err != nil })
	start := time.Now()
	d.signal(syscall.SIGTERM)
	if code := d.ended(d.pid); code != killed || time.Since(start) > 2*time.Second {
		t.Errorf("exit %d after %v", code, time.Since(start))
	}
}
