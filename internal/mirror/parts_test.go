package mirror

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// large is a file that is worth parts: six of them. No test keeps it: others measure
// the heap.
func large() []byte {
	out := make([]byte, 24<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(out)
	return out
}

const (
	largePath = "pool/large.deb"
	partBytes = 4 << 20
)

// yard is a group over some servers and a store, with nothing between them but a
// source: what a repository does with a file that an index names.
type yard struct {
	t     *testing.T
	large []byte
	ups   []*faulty.Server
	group *upstream.Group
	store *cache.Store
}

func newYard(t *testing.T, mirrors int, change ...func(*upstream.Config)) *yard {
	t.Helper()
	y := &yard{t: t, large: large()}
	cfg := upstream.Config{Name: "r", Timeouts: upstream.Timeouts{Connect: 5 * time.Second, Header: 10 * time.Second, Idle: 10 * time.Second}}
	for range mirrors {
		u := faulty.New(t)
		u.Set("/"+largePath, y.large)
		u.Set("/small", []byte("small"))
		base, err := url.Parse(u.URL)
		if err != nil {
			t.Fatal(err)
		}
		y.ups, cfg.Mirrors = append(y.ups, u), append(cfg.Mirrors, base)
	}
	for _, f := range change {
		f(&cfg)
	}
	tr := upstream.NewTransport(upstream.Options{})
	t.Cleanup(tr.Close)
	y.group = upstream.NewGroup(cfg, tr)
	y.reopen(t.TempDir())
	return y
}

func (y *yard) reopen(dir string) {
	y.t.Helper()
	s, err := cache.Open(cache.Options{Dir: dir})
	if err != nil {
		y.t.Fatal(err)
	}
	y.store = s
	y.t.Cleanup(func() { _ = s.Close() })
}

func (y *yard) want() cache.Want {
	d, n := digest.Of(y.large), int64(len(y.large))
	return cache.Want{Digest: d, Size: n, Early: true, Source: &source{group: y.group, paths: []string{largePath}, size: n, pinned: true}}
}

// get reads the large file through the store.
func (y *yard) get() ([]byte, error) {
	c, err := y.store.Get(y.t.Context(), y.want())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return io.ReadAll(c)
}

func (y *yard) mustGet() {
	y.t.Helper()
	if got, err := y.get(); err != nil || !bytes.Equal(got, y.large) {
		y.t.Errorf("%d bytes, %v", len(got), err)
	}
}

// small asks for another file of the group, as another client does.
func (y *yard) small() error {
	body, err := y.group.Open(y.t.Context(), upstream.Request{Path: "small", Size: -1})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return err
}

// TestPartsWithoutRanges: who serves no ranges gives the whole, also where another
// mirror, which served them, has died meanwhile.
func TestPartsWithoutRanges(t *testing.T) {
	y := newYard(t, 2)
	for _, u := range y.ups {
		u.Fail(faulty.All, faulty.Status(416).Ranged().Always())
	}
	y.mustGet()

	y = newYard(t, 2)
	y.ups[0].Rate(8_000_000)
	y.ups[1].Fail(faulty.All, faulty.IgnoreRange().Always())
	time.AfterFunc(900*time.Millisecond, y.ups[0].Down) // in the second part
	y.mustGet()
	if n := y.ups[0].Sent("/" + largePath); n < partBytes || n > 4*partBytes {
		t.Errorf("the first was down after %d bytes", n)
	}
}

// bears lets so many requests through at a time, and refuses the others.
func bears(n int32) faulty.Fault {
	var at atomic.Int32
	return faulty.Status(503).Always().When(func(r *http.Request) bool {
		if at.Add(1) > n {
			at.Add(-1)
			return true
		}
		context.AfterFunc(r.Context(), func() { at.Add(-1) })
		return false
	})
}

// TestMoreConnectionsThanAreBorne: the file comes over those that the server bears,
// and other clients notice nothing.
func TestMoreConnectionsThanAreBorne(t *testing.T) {
	y := newYard(t, 1, func(c *upstream.Config) { c.Connections = 4 })
	y.ups[0].Rate(6_000_000)
	y.ups[0].Fail("/"+largePath, bears(2))
	done := make(chan bool)
	go func() {
		defer close(done)
		y.mustGet()
	}()
	for n := 0; ; n++ {
		if err := y.small(); err != nil {
			t.Errorf("request %d of another client: %v", n, err)
		}
		select {
		case <-done:
			refused := 0
			for _, r := range y.ups[0].Requests() {
				if r.Status == 503 {
					refused++
				}
			}
			if refused == 0 || refused > 8 {
				t.Errorf("refused %d times", refused)
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestPartsOfOneOfTwoPlaces: where the file is in one of two places, the other is asked
// once, and lanes know which.
func TestPartsOfOneOfTwoPlaces(t *testing.T) {
	y := newYard(t, 2)
	for _, u := range y.ups {
		u.Rate(20_000_000)
	}
	w := y.want()
	w.Source = &source{group: y.group, paths: []string{"by-hash", largePath}, size: w.Size, pinned: true}
	c, err := y.store.Get(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, y.large) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	for i, u := range y.ups {
		if u.Count("/by-hash") > 1 || u.Count("/"+largePath) < 2 {
			t.Errorf("%d was asked %q", i, u.Lines())
		}
	}
}
