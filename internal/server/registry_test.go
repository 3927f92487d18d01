package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"
)

// puller answers every Pull with err, or with body.
type puller struct {
	Mirror
	err   error
	body  string
	named bool
	link  string
	asked []mirror.Pull
}

func (p *puller) Pull(_ context.Context, req mirror.Pull) (*mirror.Answer, error) {
	p.asked = append(p.asked, req)
	if p.err != nil {
		return nil, p.err
	}
	a := &mirror.Answer{Repo: "docker.io", Content: &cache.Content{
		ReadSeeker: bytes.NewReader([]byte(p.body)), Size: int64(len(p.body)), Digest: digest.Of([]byte(p.body)),
		Meta: cache.Meta{ContentType: oci.TypeManifest, Link: p.link},
	}}
	if p.named {
		a.Named = a.Digest
	}
	return a, nil
}

// ask sends one request to a server with this Mirror.
func (p *puller) ask(t *testing.T, login bool, method, target string, fields ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	New(Options{Mirror: p, Login: login, Log: slog.New(slog.DiscardHandler)}).Handler.ServeHTTP(w, r)
	return w.Result()
}

func code(t *testing.T, resp *http.Response) string {
	t.Helper()
	var said struct {
		Errors []struct{ Code, Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || len(said.Errors) != 1 || strings.Contains(said.Errors[0].Message, "\n") {
		t.Errorf("the body is not the API's error form: %v %v", said, err)
		return ""
	}
	return said.Errors[0].Code
}

func TestRegistryErrors(t *testing.T) {
	const manifest, blob = "/v2/a/b/manifests/1", "/v2/a/b/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	status := func(code int) error { return &upstream.StatusError{Repo: "docker.io", Mirror: "http://m", Code: code} }
	limited := &upstream.UnavailableError{Repo: "docker.io", Mirror: "http://m", Cause: status(429), RetryAfter: 90 * time.Second}
	for _, c := range []struct {
		method, target string
		err            error
		status         int
		code           string
	}{
		{"GET", manifest, status(404), 404, "MANIFEST_UNKNOWN"},
		{"GET", blob, status(404), 404, "BLOB_UNKNOWN"},
		{"GET", "/v2/a/b/tags/list", status(404), 404, "NAME_UNKNOWN"},
		{"GET", manifest, status(401), 401, "UNAUTHORIZED"},
		{"GET", manifest, status(403), 403, "DENIED"},
		{"GET", manifest, limited, 429, "TOOMANYREQUESTS"},
		{"GET", manifest, &upstream.UnavailableError{Cause: status(500)}, 503, "UNAVAILABLE"},
		{"GET", manifest, fmt.Errorf("m: %w", mirror.ErrUnfit), 502, "UNAVAILABLE"},
		{"GET", blob, fmt.Errorf("m: %w", cache.ErrMismatch), 502, "UNAVAILABLE"},
		{"GET", manifest, errors.New("/secret/path"), 500, "UNKNOWN"},
		{"GET", "/v2/UPPER/manifests/1", nil, 400, "NAME_INVALID"},
		{"GET", "/v2/a/b/blobs/sha256:12", nil, 400, "DIGEST_INVALID"},
		{"PUT", manifest, nil, 405, "UNSUPPORTED"},
		{"POST", "/v2/a/b/blobs/uploads/", nil, 405, "UNSUPPORTED"},
		{"DELETE", blob, nil, 405, "UNSUPPORTED"},
		{"PATCH", "/v2/a/b/blobs/uploads/x", nil, 405, "UNSUPPORTED"},
		{"GET", "/v2/nothing", nil, 404, "NAME_UNKNOWN"},
	} {
		p := &puller{err: c.err}
		resp := p.ask(t, false, c.method, c.target)
		if got := code(t, resp); resp.StatusCode != c.status || got != c.code {
			t.Errorf("%s %s, %v: %d %s, expected %d %s", c.method, c.target, c.err, resp.StatusCode, got, c.status, c.code)
		}
		if resp.StatusCode == 429 && resp.Header.Get("Retry-After") != "90" {
			t.Errorf("Retry-After: %q", resp.Header.Get("Retry-After"))
		}
		if (resp.StatusCode == 401) != (resp.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%d with WWW-Authenticate %q", resp.StatusCode, resp.Header.Get("WWW-Authenticate"))
		}
		if c.err == nil && len(p.asked) > 0 {
			t.Errorf("%s %s was passed on", c.method, c.target)
		}
	}
}

func TestRegistryAnswer(t *testing.T) {
	p := &puller{body: `{"a":1}`, named: true}
	d := string(digest.Of([]byte(p.body)))
	resp := p.ask(t, false, "GET", "/v2/a/b/manifests/1?ns=ghcr.io")
	if got := p.asked[0]; got.Namespace != "ghcr.io" || got.Repository != "a/b" || got.Tag != "1" || got.Head || !got.Login.IsZero() {
		t.Errorf("asked for %+v", got.Request)
	}
	for field, want := range map[string]string{
		"Docker-Content-Digest": d, "Etag": `"` + d + `"`, "Content-Type": oci.TypeManifest, "Content-Length": "7",
		"Docker-Distribution-Api-Version": "registry/2.0", "Last-Modified": "", "Cache-Status": "mirrord; hit",
	} {
		if got := resp.Header.Get(field); got != want {
			t.Errorf("%s: %q, expected %q", field, got, want)
		}
	}
	if resp := p.ask(t, false, "GET", "/v2/a/b/manifests/1", "If-None-Match", `"`+d+`"`); resp.StatusCode != 304 {
		t.Errorf("If-None-Match: %d", resp.StatusCode)
	}
	if resp := p.ask(t, false, "HEAD", "/v2/a/b/manifests/1"); resp.StatusCode != 200 || !p.asked[2].Head {
		t.Errorf("HEAD: %d", resp.StatusCode)
	}
	if resp := p.ask(t, false, "GET", "/v2/a/b/blobs/"+d, "Range", "bytes=2-4"); resp.StatusCode != 206 || p.asked[3].From != 2 {
		t.Errorf("a Range: %d", resp.StatusCode)
	}
	p.named, p.link = false, `</v2/x/tags/list?last=z&n=3>; rel="next"`
	resp = p.ask(t, false, "GET", "/v2/a/b/tags/list?n=3&ns=ghcr.io")
	if got := resp.Header.Get("Link"); got != `</v2/a/b/tags/list?n=3&last=z&ns=ghcr.io>; rel="next"` {
		t.Errorf("Link: %s", got)
	}
}

// TestRegistryLogin: a client gets a token for its credentials where it is told
// to, and mirrord knows by it who asks. Basic and upstream's tokens do too.
func TestRegistryLogin(t *testing.T) {
	p := &puller{err: &upstream.StatusError{Code: 401}}
	srv := httptest.NewServer(New(Options{Mirror: p, Login: true, Log: slog.New(slog.DiscardHandler)}).Handler)
	defer srv.Close()
	defer http.DefaultClient.CloseIdleConnections()
	get := func(path string, auth func(*http.Request)) *http.Response {
		t.Helper()
		r, _ := http.NewRequest("GET", srv.URL+path, nil)
		auth(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	ping := get("/v2/", func(*http.Request) {})
	realm := strings.Split(ping.Header.Get("WWW-Authenticate"), `"`)
	if ping.StatusCode != 401 || len(realm) < 2 || realm[1] != srv.URL+"/v2/token" {
		t.Fatalf("%d, %q", ping.StatusCode, realm)
	}
	var said struct{ Errors []struct{ Message string } }
	if err := json.NewDecoder(ping.Body).Decode(&said); err != nil || len(said.Errors) != 1 || said.Errors[0].Message != errLogin.Error() {
		t.Errorf("/v2/ says %v, %v; expected %q", said, err, errLogin)
	}
	for _, user := range []string{"", "ann"} {
		resp := get("/v2/token?service=mirrord", func(r *http.Request) {
			if user != "" {
				r.SetBasicAuth(user, "secret")
			}
		})
		body, _ := io.ReadAll(resp.Body)
		var given struct{ Token string }
		json.Unmarshal(body, &given)
		if given.Token == "" || strings.Contains(string(body), "secret") {
			t.Fatalf("the token server said %d %s", resp.StatusCode, body)
		}
		if resp := get("/v2/", bearer(given.Token)); resp.StatusCode != 200 {
			t.Errorf("%q is logged in and gets %d", user, resp.StatusCode)
		}
		get("/v2/a/b/manifests/1", bearer(given.Token))
		if got := p.asked[len(p.asked)-1].Login; got.Username != user || (got.Password == "secret") != (user != "") {
			t.Errorf("%q came as %q", user, got.Username)
		}
		forged := given.Token[:len(given.Token)-2] + "xx"
		n := len(p.asked)
		if resp := get("/v2/a/b/manifests/1", bearer(forged)); resp.StatusCode != 401 || len(p.asked) != n {
			t.Errorf("a forged token: %d", resp.StatusCode)
		}
	}
	get("/v2/a/b/manifests/1", func(r *http.Request) { r.SetBasicAuth("bob", "b") })
	if got := p.asked[len(p.asked)-1].Login; got.Username != "bob" || got.Password != "b" {
		t.Errorf("Basic came as %q", got.Username)
	}
	get("/v2/a/b/manifests/1", bearer("upstreams-own"))
	if got := p.asked[len(p.asked)-1].Login; got.Bearer != "upstreams-own" {
		t.Errorf("upstream's token came as %+v", got)
	}
}

func TestTokensEnd(t *testing.T) {
	tokens, now := newTokens(), time.Now()
	tokens.now = func() time.Time { return now }
	token := tokens.make(upstream.Login{Username: "ann"})
	if l, err := tokens.open(token); err != nil || l.Username != "ann" {
		t.Fatal(l.Username, err)
	}
	now = now.Add(tokenFor + time.Second)
	if _, err := tokens.open(token); !errors.Is(err, errLogin) {
		t.Errorf("a token that is over: %v", err)
	}
	if _, err := newTokens().open(token); !errors.Is(err, errLogin) {
		t.Errorf("another process's token: %v", err)
	}
}

func TestPingWithoutLogin(t *testing.T) {
	for _, target := range []string{"/v2", "/v2/"} {
		if resp := new(puller).ask(t, false, "GET", target); resp.StatusCode != 200 || resp.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
			t.Errorf("%s: %d", target, resp.StatusCode)
		}
	}
}

// TestPurgeIsForTheAdmin: a PURGE of an artifact's URL goes to the admin API, a
// registry's too.
func TestPurgeIsForTheAdmin(t *testing.T) {
	for _, url := range []string{"/files/a", "/v2/a/b/manifests/1", "/v2/a/b/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"} {
		var got string
		admin := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Method + " " + r.URL.Path })
		h := New(Options{Mirror: &puller{}, Admin: admin, Log: slog.New(slog.DiscardHandler)}).Handler
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PURGE", url, nil))
		if got != "PURGE "+url {
			t.Errorf("%s: the admin API is asked %q", url, got)
		}
	}
}

// TestChallengeOfPublicAddress: behind a proxy clients are sent to where they reach it.
func TestChallengeOfPublicAddress(t *testing.T) {
	public, _ := url.Parse("https://mirror.example")
	srv := httptest.NewServer(New(Options{
		Mirror: &puller{err: &upstream.StatusError{Code: 401}}, Login: true, Public: public, Log: slog.New(slog.DiscardHandler),
	}).Handler)
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, `Bearer realm="https://mirror.example/v2/token"`) {
		t.Error(got)
	}
}
