package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/test/rig"
)

const (
	slowClients = 500
	hugeSize    = 1 << 30
	// residentMost is the bar for a resident set with that many clients.
	residentMost = 150 << 20
	// Each client takes a piece, rests, and leaves after some: longer than the
	// object takes to come.
	piece, pieces = 32 << 10, 12
	restFor       = 400 * time.Millisecond
)

// generated is an object that nobody has to hold.
type generated struct{ off int64 }

func (g *generated) Read(p []byte) (int, error) {
	if g.off >= hugeSize {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), hugeSize-g.off))
	patternAt(p[:n], g.off)
	g.off += int64(n)
	return n, nil
}

func (g *generated) Seek(offset int64, whence int) (int64, error) {
	g.off = offset + map[int]int64{io.SeekStart: 0, io.SeekCurrent: g.off, io.SeekEnd: hugeSize}[whence]
	return g.off, nil
}

// block repeats to make the object; its odd length keeps any two pieces apart.
var block = rig.Content(1, 1<<20|1)

// patternAt is the object's bytes from off on.
func patternAt(p []byte, off int64) {
	for len(p) > 0 {
		n := copy(p, block[off%int64(len(block)):])
		p, off = p[n:], off+int64(n)
	}
}

// sipper reads the object slowly from a place of its own.
func sipper(ctx context.Context, url string, from int64, began func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	resp, err := (&http.Transport{DisableKeepAlives: true, ReadBufferSize: 1 << 10}).RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, want := make([]byte, piece), make([]byte, piece)
	for i := range int64(pieces) {
		if _, err := io.ReadFull(resp.Body, got); err != nil {
			return fmt.Errorf("%d, piece %d: %w", resp.StatusCode, i, err)
		}
		patternAt(want, from+i*piece)
		if !bytes.Equal(got, want) {
			return fmt.Errorf("wrong bytes at %d", from+i*piece)
		}
		if i == 0 {
			began()
		}
		select {
		case <-time.After(restFor):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// sip has all clients at once; half of them begin at 0, the others at places that
// the one fetch soon gets to.
func sip(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	var began atomic.Int64
	for i := range int64(slowClients) {
		wg.Go(func() {
			err := sipper(ctx, url, i%2*i<<10, func() { began.Add(1) })
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
				cancel()
			}
		})
	}
	wg.Wait()
	if n := began.Load(); n != slowClients {
		t.Errorf("%d clients had bytes, expected %d", n, slowClients)
	}
}

// TestSlowClients: many clients on one large object take little memory, while it
// comes and when it is there.
func TestSlowClients(t *testing.T) {
	if !measurable(t) {
		return
	}
	var bodies atomic.Int64
	u := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bodies.Add(1)
		w.Header().Set("Etag", `"generated"`)
		http.ServeContent(w, r, "huge.bin", time.Time{}, new(generated))
	}))
	defer u.Close()
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: generic, fresh: 1h, upstreams: [%q]}", u.URL)})
	url := m.URL("r/huge.bin")
	sip(t, url)
	inFlight := status(t, m.PID(), "VmHWM")
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if r := rig.Get(url, "Range", "bytes=0-0"); r.Status == 206 && r.Hit() {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the object does not land: %s", r.How())
		}
	}
	sip(t, url)
	after := status(t, m.PID(), "VmHWM")
	t.Logf("at most resident: %d MiB in flight, %d MiB with hits too", inFlight>>20, after>>20)
	if after > residentMost {
		t.Errorf("%d MiB were resident (in flight %d), allowed %d", after>>20, inFlight>>20, residentMost>>20)
	}
	if n := bodies.Load(); n != 1 {
		t.Errorf("%d requests reached upstream, expected 1", n)
	}
}
