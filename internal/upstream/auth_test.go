package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/upstream"
)

const tokenAsked = "reg " + scope

var alice = &upstream.Login{Username: "alice", Password: "s3cret"}

func TestAnonymousToken(t *testing.T) {
	p := setUpPull(t)
	p.must(t, ask(nil))
	p.r.want(t, "GET -> 401", "GET Bearer t1")
	p.r.realm.want(t, "GET "+tokenAsked)
	p.must(t, ask(&upstream.Login{})) // nobody is nobody
	if _, err := p.Head(t.Context(), ask(nil)); err != nil {
		t.Error(err)
	}
	p.r.want(t, "GET Bearer t1", "HEAD Bearer t1")
	p.r.realm.want(t)
	other := ask(nil)
	other.Scope = "repository:library/b:pull"
	p.must(t, other)
	p.r.want(t, "GET -> 401", "GET Bearer t2")
}

func TestPasswordGoesToTheRealmOnly(t *testing.T) {
	own := func(cfg *upstream.Config) { cfg.Mirrors[0].User = url.UserPassword("own", "pw") }
	p := setUpPull(t, own)
	p.r.realm.set(func() { p.r.realm.users = map[string]bool{"own:pw": true, "alice:s3cret": true} })
	p.must(t, ask(nil))
	p.must(t, ask(alice))
	p.must(t, ask(alice))
	p.r.want(t, "GET -> 401", "GET Bearer t1", "GET -> 401", "GET Bearer t2", "GET Bearer t2")
	p.r.realm.want(t, "GET own:pw "+tokenAsked, "GET alice:s3cret "+tokenAsked)
	isCode(t, p.get(t, ask(&upstream.Login{Username: "alice", Password: "wrong"})), 401) // not by alice's token
	isCode(t, p.get(t, ask(&upstream.Login{})), 401)                                     // nor by the group's own
	p.r.want(t, "GET -> 401", "GET -> 401")
	p.r.realm.want(t, "GET alice:wrong "+tokenAsked, "GET "+tokenAsked)
	p.closed(t)
}

func TestIdentityToken(t *testing.T) {
	p := setUpPull(t)
	p.must(t, ask(&upstream.Login{IdentityToken: "idt"}))
	p.r.realm.want(t, "POST refresh_token:idt "+tokenAsked)
	p.r.want(t, "GET -> 401", "GET Bearer t1")
}

// A realm that has no POST is asked as all realms can be.
func TestIdentityTokenFallsBack(t *testing.T) {
	p := setUpPull(t)
	p.r.realm.set(func() {
		p.r.realm.before = func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.NotFound(w, r)
				return
			}
			p.r.set(func() { p.r.valid["Bearer plain"] = true })
			fmt.Fprint(w, `{"access_token":"plain"}`)
		}
	})
	p.must(t, ask(&upstream.Login{Username: "u", Password: "p", IdentityToken: "idt"}))
	p.r.realm.want(t, "POST refresh_token:idt "+tokenAsked, "GET u:p "+tokenAsked)
}

func TestReadyToken(t *testing.T) {
	p := setUpPull(t)
	p.r.set(func() { p.r.valid["Bearer mine"] = true })
	p.must(t, ask(&upstream.Login{Bearer: "mine"}))
	isCode(t, p.get(t, ask(&upstream.Login{Bearer: "other"})), 401)
	isCode(t, p.get(t, ask(&upstream.Login{Bearer: "in jected\r\nX: y"})), 401)
	isCode(t, p.get(t, ask(&upstream.Login{Username: "u", Password: strings.Repeat("x", 1<<20)})), 401)
	p.r.want(t, "GET Bearer mine", "GET Bearer other -> 401")
	p.r.realm.want(t)
	p.closed(t)
}

func isCode(t testing.TB, err error, code int) *upstream.StatusError {
	t.Helper()
	var s *upstream.StatusError
	if !errors.As(err, &s) || s.Code != code {
		t.Errorf("%v, want %d", err, code)
		return &upstream.StatusError{}
	}
	return s
}

func TestTokensExpire(t *testing.T) {
	for extra, left := range map[string]time.Duration{
		``:                               50 * time.Second,
		`,"expires_in":300`:              270 * time.Second,
		`,"expires_in":-5`:               50 * time.Second,
		`,"expires_in":5`:                0,
		`,"expires_in":9000000000000000`: 24 * time.Hour * 9 / 10,
	} {
		p := setUpPull(t)
		p.r.realm.set(func() { p.r.realm.extra = extra })
		p.must(t, ask(nil))
		p.r.realm.take()
		if left > 0 {
			p.c.Advance(left - time.Second)
			p.must(t, ask(nil))
			p.r.realm.want(t)
			p.c.Advance(time.Second)
		}
		p.must(t, ask(nil))
		p.r.realm.want(t, "GET "+tokenAsked)
		p.r.take()
	}
}

// The registry cuts the body and revokes the token: the reader sees neither.
func TestTokenEndsInMidBody(t *testing.T) {
	p := setUpPull(t)
	p.r.set(func() {
		p.r.serve = func(w http.ResponseWriter, _ *http.Request) {
			p.r.set(func() { p.r.serve, p.r.valid = nil, map[string]bool{} })
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			_, _ = w.Write(content[:1000])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	p.must(t, ask(alice))
	p.r.want(t, "GET -> 401", "GET Bearer t1", "GET Bearer t1 bytes=1000- -> 401", "GET Bearer t2 bytes=1000-")
	p.r.realm.want(t, "GET alice:s3cret "+tokenAsked, "GET alice:s3cret "+tokenAsked)
}

func TestSecond401IsTheAnswer(t *testing.T) {
	p := setUpPull(t)
	p.r.realm.set(func() {
		p.r.realm.before = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"useless"}`) }
	})
	for range 3 {
		s := isCode(t, p.get(t, ask(alice)), 401)
		if s.Mirror != p.r.URL {
			t.Error(s)
		}
		p.r.want(t, "GET -> 401", "GET Bearer useless -> 401")
	}
	p.closed(t)
}

func TestBasicChallenge(t *testing.T) {
	p := setUpPull(t)
	p.r.set(func() { p.r.challenge = `Basic realm="x"`; p.r.valid[basic("alice", "s3cret")] = true })
	p.must(t, ask(alice))
	p.must(t, ask(alice))
	isCode(t, p.get(t, ask(nil)), 401)
	isCode(t, p.get(t, ask(&upstream.Login{Username: "alice", Password: "wrong"})), 401)
	p.r.want(t, "GET -> 401", "GET alice:s3cret", "GET alice:s3cret", "GET -> 401", "GET -> 401", "GET alice:wrong -> 401")
	p.c.Advance(time.Hour)
	p.must(t, ask(alice))
	p.r.want(t, "GET -> 401", "GET alice:s3cret")
	p.r.realm.want(t)
	p.closed(t)
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// A registry cannot have credentials sent where nobody listed.
func TestRealmElsewhere(t *testing.T) {
	called := false
	p := setUpPull(t, func(cfg *upstream.Config) {
		cfg.Realms = []string{"auth.example"}
		cfg.Login = func(context.Context, string) (upstream.Login, error) { called = true; return *alice, nil }
	})
	for range 3 {
		for _, as := range []*upstream.Login{alice, nil} {
			err := p.get(t, ask(as))
			if !errors.Is(err, upstream.ErrUnavailable) || !strings.Contains(err.Error(), parse(t, p.r.realm.URL).Host) ||
				!strings.Contains(err.Error(), "realms") {
				t.Error(err)
			}
		}
	}
	p.r.realm.want(t)
	p.closed(t)
	if called {
		t.Error("credentials were looked up")
	}
	if got := p.r.take(); len(got) != 6 {
		t.Errorf("asked %q", got)
	}
}

func TestMirrorAsItsOwnRealm(t *testing.T) {
	p := setUpPull(t, func(cfg *upstream.Config) { cfg.Realms = nil })
	p.r.set(func() { p.r.challenge = fmt.Sprintf(`Bearer realm="%s/token"`, p.r.URL) })
	isCode(t, p.get(t, ask(alice)), 401) // it has none, but is asked
	p.r.want(t, "GET -> 401", "GET alice:s3cret -> 401")
}

// Where blobs are kept nobody needs to know who asked, or may say who to ask.
func TestRedirectCarriesNoCredentials(t *testing.T) {
	var cdn notebook
	answer := http.StatusOK
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cdn.note("%s %s", r.Method, r.Header.Get("Authorization"))
		if answer != http.StatusOK {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token"`)
			w.WriteHeader(answer)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(content)))
	}))
	t.Cleanup(store.Close)
	p := setUpPull(t)
	upstream.NewGroup(upstream.Config{Name: "cdn", Mirrors: []*url.URL{parse(t, store.URL)}}, p.t)
	p.r.set(func() {
		p.r.serve = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, store.URL, http.StatusTemporaryRedirect)
		}
	})
	p.must(t, ask(alice))
	cdn.want(t, "GET ")
	answer = http.StatusUnauthorized
	p.r.realm.take()
	// Nor does it say who may read: the mirror has said yes.
	if err := p.get(t, ask(alice)); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	cdn.want(t, "GET ")
	p.r.realm.want(t)
}

func TestHerdEarnsOneToken(t *testing.T) {
	p := setUpPull(t)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { p.must(t, ask(alice)) })
	}
	wg.Wait()
	p.r.realm.want(t, "GET alice:s3cret "+tokenAsked)
}

// Who leaves does not wait for the token; who stays gets it.
func TestWaitForTokenHearsTheContext(t *testing.T) {
	p := setUpPull(t)
	asked, release := make(chan struct{}), make(chan struct{})
	p.r.realm.set(func() {
		p.r.realm.before = func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-release
			p.r.set(func() { p.r.valid["Bearer late"] = true })
			fmt.Fprint(w, `{"token":"late"}`)
		}
	})
	ctx, leave := context.WithCancelCause(t.Context())
	left, stayed := make(chan error, 1), make(chan error, 1)
	go func() { _, err := p.Open(ctx, ask(nil)); left <- err }()
	<-asked
	go func() { stayed <- p.get(t, ask(nil)) }()
	cause := errors.New("gone home")
	leave(cause)
	if err := <-left; !errors.Is(err, cause) {
		t.Error(err)
	}
	close(release)
	if err := <-stayed; err != nil {
		t.Error(err)
	}
	p.closed(t)
	p.r.realm.want(t, "GET "+tokenAsked)
}
