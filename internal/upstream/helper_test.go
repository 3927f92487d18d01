package upstream_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	file = "pool/a.deb"
	path = "/" + file
	// Long enough for a loaded machine to answer within, short enough to
	// wait for.
	short = 700 * time.Millisecond
)

var content = random(200_000)

func random(n int) []byte {
	out := make([]byte, n)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(out)
	return out
}

// A clock stands still but for sleeps, which it notes and does not wait for.
type clock struct {
	mu    sync.Mutex
	at    time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	c.at = c.at.Add(d)
	return context.Cause(ctx)
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) Slept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.slept)
}

// A bench is a group over some servers, all with the same file.
type bench struct {
	*upstream.Group
	t *upstream.Transport
	c *clock
	u []*faulty.Server
}

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

func setUp(t testing.TB, servers int, change ...func(*upstream.Config)) bench {
	t.Helper()
	c := &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b := bench{c: c, t: upstream.NewTransport(upstream.Options{UserAgent: "mirrord/test", Proxy: noProxy, Now: c.Now, Sleep: c.Sleep})}
	t.Cleanup(b.t.Close)
	cfg := upstream.Config{Name: "debian", Timeouts: upstream.Timeouts{Connect: 5 * time.Second, Header: 10 * time.Second, Idle: 10 * time.Second}}
	for range servers {
		u := faulty.New(t)
		u.Set(path, content)
		b.u = append(b.u, u)
		cfg.Mirrors = append(cfg.Mirrors, parse(t, u.URL))
	}
	for _, f := range change {
		f(&cfg)
	}
	b.Group = upstream.NewGroup(cfg, b.t)
	return b
}

func hasty(c *upstream.Config) { c.Timeouts.Header, c.Timeouts.Idle = short, short }

// whole asks for all of the file under a digest's protection.
func whole() upstream.Request {
	return upstream.Request{Path: file, Size: int64(len(content)), Pinned: true}
}

func (b bench) get(t testing.TB, r upstream.Request) ([]byte, *upstream.Body, error) {
	t.Helper()
	body, err := b.Open(t.Context(), r)
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	return data, body, err
}

func (b bench) mustGet(t testing.TB, r upstream.Request) *upstream.Body {
	t.Helper()
	data, body, err := b.get(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, content[body.Off:]) {
		t.Fatalf("%d wrong bytes from %d on", len(data), body.Off)
	}
	return body
}

// idle waits until nothing is under way: what was given up ends by itself.
func (b bench) idle(t testing.TB) {
	t.Helper()
	busy := func(s upstream.MirrorStatus) bool { return s.Active != 0 }
	for range 500 {
		if !slices.ContainsFunc(b.Status(), busy) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("it does not end: %+v", b.Status())
}

// asked compares a server's log.
func asked(t testing.TB, u *faulty.Server, want ...string) {
	t.Helper()
	if got := u.Lines(); !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}
