package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/mirror"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// acts notes what a Follower is asked to do.
type acts struct {
	mu   sync.Mutex
	all  []string // guarded by mu
	fail error    // guarded by mu
	own  *Journal // is told as a Mirror tells; nil = none
}

func (a *acts) note(format string, args ...any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, fmt.Sprintf(format, args...))
	return a.fail
}

// take gives what was noted since.
func (a *acts) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.all
	a.all = nil
	return all
}

func (a *acts) Heed(_ context.Context, repo, path string, now bool) error {
	return a.note("heed %s %q %v", repo, path, now)
}

func (a *acts) Refresh(_ context.Context, repo, path string) ([]mirror.Refreshed, error) {
	return nil, a.note("refresh %s %s", repo, path)
}

func (a *acts) Purge(ctx context.Context, s mirror.Selector, _ mirror.PurgeOptions) (mirror.Purged, error) {
	if a.own != nil {
		a.own.Add(ctx, mirror.Change{Act: mirror.WasPurged, Selector: s})
	}
	return mirror.Purged{}, a.note("purge %s %s", s.Repo, s.Prefix)
}

// lair is a hub with a journal, and an edge of it.
type lair struct {
	t    *testing.T
	j    *Journal
	hub  *Hub
	srv  *httptest.Server
	acts acts
	edge *Edge

	mu    sync.Mutex
	asked []string // queries, in order; guarded by mu
}

func newLair(t *testing.T, most int, handler http.HandlerFunc) *lair {
	t.Helper()
	s := newStore(t, t.TempDir())
	l := &lair{t: t, j: newJournal(t, s, most)}
	l.hub = NewHub(HubOptions{Tokens: someTokens, Registries: map[string]bool{"debian": false}, Journal: l.j})
	l.hub.beat = 20 * time.Millisecond
	var serve http.Handler = l.hub.Handler(nil, nil, settled)
	if handler != nil {
		serve = handler
	}
	l.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		l.asked = append(l.asked, r.URL.RawQuery)
		l.mu.Unlock()
		serve.ServeHTTP(w, r)
	}))
	l.edge = l.newEdge()
	t.Cleanup(func() {
		l.hub.End()
		l.srv.CloseClientConnections()
		l.srv.Close()
		l.edge.Client.CloseIdleConnections()
		s.Close()
	})
	return l
}

func (l *lair) newEdge() *Edge {
	l.t.Helper()
	at, err := url.Parse(l.srv.URL)
	if err != nil {
		l.t.Fatal(err)
	}
	e, err := NewEdge(EdgeOptions{
		Hub: at, Token: "edge", Client: &http.Client{Transport: &http.Transport{}}, Mirror: &l.acts, Store: l.j.store,
		Repos: map[string]Policy{"debian": Used, "docker.io": OnDemand}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return e
}

// until follows the hub until the edge has acted so often, and gives what it did.
func (l *lair) until(count int) (all []string) {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.edge.follow(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); len(all) < count && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		all = append(all, l.acts.take()...)
	}
	now, _ := l.j.at()
	for deadline := time.Now().Add(20 * time.Second); l.position() != now && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
	return append(all, l.acts.take()...)
}

// position is where the edge is, by what it has written down.
func (l *lair) position() place { return l.newEdge().at }

// same fails the test unless exactly that was done, in whatever order.
func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("did %q, expected %q", got, want)
	}
}

// TestFollow: an edge that knows no number looks at all it has, once; from then on it does
// what it is told of, each once, and begins where it was after a restart.
func TestFollow(t *testing.T) {
	l := newLair(t, 100, nil)
	ctx := context.Background()
	l.j.Add(ctx, root("debian", "a", "1"))
	if err := l.edge.follow(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, l.acts.take(), `heed debian "" true`, `heed docker.io "" false`)
	l.edge.Repos["secret"] = Used // it would act on that
	l.j.Add(ctx, root("debian", "a", "2"))
	l.j.Add(ctx, root("secret", "a", "1")) // is not granted
	l.j.Add(ctx, root("gone", "a", "1"))   // is none of the edge's
	l.j.Add(ctx, mirror.Change{Act: mirror.TagMoved, Selector: mirror.Selector{Repo: "docker.io", Path: "a:1", Digest: "sha256:1"}})
	l.j.Add(ctx, mirror.Change{Act: mirror.WasPurged, Selector: mirror.Selector{Repo: "debian", Prefix: "pool/"}})
	l.j.Add(ctx, mirror.Change{Act: mirror.WasAsked, Selector: mirror.Selector{Repo: "debian", Path: "x"}})
	same(t, l.until(4), `heed debian "a" true`, `heed docker.io "a:1" false`, "purge debian pool/", "refresh debian x")
	l.edge = l.newEdge()
	l.j.Add(ctx, root("debian", "b", "1"))
	same(t, l.until(1), `heed debian "b" true`)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range l.asked[1:] {
		if strings.Contains(q, "since=0") {
			t.Errorf("asked %q", l.asked)
		}
	}
}

// TestCompacted: an edge that was away for longer than the journal reaches looks at all.
func TestCompacted(t *testing.T) {
	l := newLair(t, 2, nil)
	ctx := context.Background()
	if err := l.edge.follow(ctx); err != nil {
		t.Fatal(err)
	}
	l.acts.take()
	for i := range 4 {
		l.j.Add(ctx, root("debian", "a", fmt.Sprint(i)))
	}
	if err := l.edge.follow(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, l.acts.take(), `heed debian "" true`, `heed docker.io "" false`)
	if now, _ := l.j.at(); l.position() != now {
		t.Errorf("at %v, expected %v", l.position(), now)
	}
}

// TestFails: what fails is tried again, and does not hold up what follows for ever.
func TestFails(t *testing.T) {
	l := newLair(t, 100, nil)
	ctx := context.Background()
	if err := l.edge.follow(ctx); err != nil {
		t.Fatal(err)
	}
	l.acts.take()
	before := l.position()
	l.acts.fail = errors.New("the hub is away")
	l.j.Add(ctx, root("debian", "a", "1"))
	for range triesMost - 1 {
		if err := l.edge.follow(ctx); !errors.Is(err, l.acts.fail) {
			t.Fatal(err)
		}
		if l.position() != before {
			t.Fatal("it takes for done what failed")
		}
	}
	l.acts.take()
	same(t, l.until(1), `heed debian "a" true`)
}

// TestRing: hubs in a ring tell a purge once around.
func TestRing(t *testing.T) {
	l := newLair(t, 100, nil)
	l.edge.Own, l.acts.own = l.j, l.j
	ctx := context.Background()
	if err := l.edge.follow(ctx); err != nil {
		t.Fatal(err)
	}
	l.acts.take()
	l.j.Add(ctx, mirror.Change{Act: mirror.WasPurged, Selector: mirror.Selector{Repo: "debian", Prefix: "own/"}})
	l.j.Add(context.WithValue(ctx, originKey{}, "another"), mirror.Change{Act: mirror.WasPurged, Selector: mirror.Selector{Repo: "debian", Prefix: "its/"}})
	got := l.until(1)
	if slices.Contains(got, "purge debian own/") {
		t.Errorf("its own purge came back: %q", got)
	}
	page, err := l.j.after(2)
	if err != nil || len(page) == 0 || page[0].Origin != "another" {
		t.Errorf("told on as %+v, %v", page, err)
	}
}

// TestLyingHub: whatever a hub says costs requests, and ends.
func TestLyingHub(t *testing.T) {
	entry := `{"seq":%d,"act":"root","repo":"debian","path":"a"}` + "\n"
	for name, answer := range map[string]func(w http.ResponseWriter){
		"no JSON":          func(w http.ResponseWriter) { io.WriteString(w, "<html>\n") },
		"a long line":      func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("a", 2*lineMost)) },
		"backwards":        func(w http.ResponseWriter) { fmt.Fprintf(w, entry+`{"beat":1}`+"\n", 7) },
		"the same twice":   func(w http.ResponseWriter) { fmt.Fprintf(w, entry+entry, 7, 7) },
		"half a line":      func(w http.ResponseWriter) { io.WriteString(w, `{"beat"`) },
		"nothing":          func(http.ResponseWriter) {},
		"410 without word": func(w http.ResponseWriter) { w.WriteHeader(410) },
		"410 of much":      func(w http.ResponseWriter) { w.WriteHeader(410); w.Write(make([]byte, 1<<20)) },
		"a redirect":       func(w http.ResponseWriter) { w.Header().Set("Location", "/"); w.WriteHeader(307) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLair(t, 10, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
			l.edge.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if err := l.edge.follow(context.Background()); err == nil || len(err.Error()) > 1000 {
				t.Error(err)
			}
			if got := l.acts.take(); len(got) != 0 {
				t.Errorf("did %q", got)
			}
		})
	}
	t.Run("slow", func(t *testing.T) {
		l := newLair(t, 10, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"be`)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		l.edge.quiet = 50 * time.Millisecond
		if err := l.edge.follow(context.Background()); err == nil || !strings.Contains(err.Error(), "no word") {
			t.Error(err)
		}
	})
}

// TestStreams: a token has so many at a time, an end ends them, and a token that is
// good no more ends its own.
func TestStreams(t *testing.T) {
	l := newLair(t, 10, nil)
	now, _ := l.j.at()
	open := func() (*http.Response, error) {
		l.edge.at = now
		return l.edge.ask(t.Context())
	}
	var all []*http.Response
	for range streamsMost {
		resp, err := open()
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		all = append(all, resp)
	}
	resp, err := open()
	if err != nil || resp.StatusCode != 429 {
		t.Errorf("one more: %v, %v", resp.Status, err)
	}
	all = append(all, resp)
	l.hub.End()
	for _, resp := range all {
		io.Copy(io.Discard, resp.Body) // to its end
		resp.Body.Close()
	}
}
