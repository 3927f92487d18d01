package upstream_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/upstream"
)

const (
	blob  = "library/a/blobs/b"
	scope = "repository:library/a:pull"
)

// A notebook is what a server was asked, oldest first.
type notebook struct {
	mu    sync.Mutex
	lines []string
}

func (n *notebook) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// take returns the lines and begins anew.
func (n *notebook) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.lines
	n.lines = nil
	return out
}

func (n *notebook) want(t testing.TB, lines ...string) {
	t.Helper()
	if got := n.take(); !slices.Equal(got, lines) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// A registry gives content to who has a token of its realm, and each token a
// number.
type registry struct {
	notebook
	*httptest.Server
	realm *realm

	mu        sync.Mutex // guards all below
	challenge string     // WWW-Authenticate
	valid     map[string]bool
	serve     http.HandlerFunc // nil: the content
}

// A realm is a token server.
type realm struct {
	notebook
	*httptest.Server
	of *registry

	mu     sync.Mutex // guards all below
	given  int
	extra  string           // further members of the reply: `,"expires_in":300`
	users  map[string]bool  // "user:password" or identity tokens, nil for everybody
	before http.HandlerFunc // may answer in the realm's place
}

func newRegistry(t testing.TB) *registry {
	r := &registry{valid: map[string]bool{}}
	r.realm = &realm{of: r}
	r.Server = httptest.NewServer(r)
	r.realm.Server = httptest.NewServer(r.realm)
	t.Cleanup(r.Close)
	t.Cleanup(r.realm.Close)
	r.challenge = fmt.Sprintf(`Bearer realm="%s/token",service="reg",scope="%s"`, r.realm.URL, scope)
	return r
}

func (r *registry) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *realm) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	auth := req.Header.Get("Authorization")
	ok, challenge, serve := r.valid[auth], r.challenge, r.serve
	r.mu.Unlock()
	line := strings.Join(strings.Fields(strings.Join([]string{req.Method, plainly(auth), req.Header.Get("Range")}, " ")), " ")
	if !ok {
		r.note("%s -> 401", line)
		w.Header().Set("WWW-Authenticate", challenge)
		http.Error(w, `{"errors":[]}`, http.StatusUnauthorized)
		return
	}
	r.note("%s", line)
	if serve != nil {
		serve(w, req)
		return
	}
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(string(content)))
}

// plainly shows Basic credentials.
func plainly(auth string) string {
	coded, is := strings.CutPrefix(auth, "Basic ")
	if raw, err := base64.StdEncoding.DecodeString(coded); is && err == nil {
		return string(raw)
	}
	return auth
}

func (r *realm) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<16))
	form, _ := url.ParseQuery(string(body))
	who := plainly(req.Header.Get("Authorization"))
	if token := form.Get("refresh_token"); token != "" {
		who = form.Get("grant_type") + ":" + token
	}
	asked := req.URL.Query()
	if req.Method == http.MethodPost {
		asked = form
	}
	r.note("%s", strings.Join(strings.Fields(strings.Join([]string{req.Method, who, asked.Get("service"), strings.Join(asked["scope"], "+")}, " ")), " "))
	r.mu.Lock()
	before, extra, ok := r.before, r.extra, r.users == nil || r.users[who]
	r.given++
	token := fmt.Sprintf("t%d", r.given)
	r.mu.Unlock()
	switch {
	case before != nil:
		before(w, req)
	case !ok:
		http.Error(w, "no", http.StatusUnauthorized)
	default:
		r.of.set(func() { r.of.valid["Bearer "+token] = true })
		fmt.Fprintf(w, `{"token":%q%s}`, token, extra)
	}
}

// A pull is a group over one registry, whose realm is listed.
type pull struct {
	*upstream.Group
	c *clock
	r *registry
	t *upstream.Transport
}

func setUpPull(t testing.TB, change ...func(*upstream.Config)) pull {
	t.Helper()
	p := pull{r: newRegistry(t), c: &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
	p.t = upstream.NewTransport(upstream.Options{UserAgent: "mirrord/test", Proxy: noProxy, Now: p.c.Now, Sleep: p.c.Sleep})
	t.Cleanup(p.t.Close)
	cfg := upstream.Config{Name: "reg", Mirrors: []*url.URL{parse(t, p.r.URL+"/v2")}, Realms: []string{parse(t, p.r.realm.URL).Host}}
	for _, f := range change {
		f(&cfg)
	}
	p.Group = upstream.NewGroup(cfg, p.t)
	return p
}

func ask(as *upstream.Login) upstream.Request {
	return upstream.Request{Path: blob, Size: int64(len(content)), Pinned: true, Scope: scope, As: as}
}

func (p pull) get(t testing.TB, r upstream.Request) error {
	t.Helper()
	body, err := p.Open(t.Context(), r)
	if err != nil {
		return err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err == nil && string(data) != string(content) {
		t.Errorf("%d wrong bytes", len(data))
	}
	return err
}

func (p pull) must(t testing.TB, r upstream.Request) {
	t.Helper()
	if err := p.get(t, r); err != nil {
		t.Error(err)
	}
}

// closed: nothing that happened shut the mirror to anybody.
func (p pull) closed(t testing.TB) {
	t.Helper()
	if s := p.Status()[0]; s.State != upstream.Closed || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}
