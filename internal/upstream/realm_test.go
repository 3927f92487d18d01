package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mirrord/internal/upstream"
)

func realmAnswers(p pull, code int, fields ...string) {
	p.r.realm.set(func() {
		p.r.realm.before = func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(fields); i += 2 {
				w.Header().Set(fields[i], fields[i+1])
			}
			http.Error(w, `{"token":"hush","refresh_token":"hush"}`, code)
		}
	})
}

// However a realm says no, the mirror's 401 is the answer: a 404 there does
// not mean that the file is gone.
func TestRealmRefuses(t *testing.T) {
	for _, code := range []int{400, 401, 403, 404, 405, 410} {
		p := setUpPull(t)
		realmAnswers(p, code)
		for _, as := range []*upstream.Login{nil, alice} {
			for range 3 {
				err := p.get(t, ask(as))
				isCode(t, err, 401)
				if text := err.Error(); strings.Contains(text, "hush") || strings.Contains(text, "s3cret") || !strings.Contains(text, fmt.Sprint(code)) {
					t.Error(err)
				}
			}
		}
		p.closed(t)
		if n := len(p.r.take()); n != 6 {
			t.Errorf("%d requests", n)
		}
	}
}

// A realm that fails fails the mirror, but never because of a client's
// credentials, and never by a limit, which is of who asks.
func TestRealmFails(t *testing.T) {
	for _, code := range []int{429, 500, 503} {
		p := setUpPull(t)
		realmAnswers(p, code, "Retry-After", "60")
		for range 3 {
			err := p.get(t, ask(alice))
			s := isCode(t, err, code)
			if !errors.Is(err, upstream.ErrUnavailable) || s.RetryAfter != time.Minute || s.Mirror != p.r.realm.URL {
				t.Errorf("%v %+v", err, s)
			}
		}
		p.closed(t)
		p.r.realm.take()
		for range 3 {
			isCode(t, p.get(t, ask(nil)), code)
		}
		if n := len(p.r.realm.take()); code != 500 && n != 1 {
			t.Errorf("a realm that said Retry-After was asked %d times", n)
		}
		if open := p.Status()[0].State == upstream.Open; open != (code != 429) {
			t.Errorf("%d: %+v", code, p.Status()[0])
		}
	}
}

func TestRealmIsDown(t *testing.T) {
	p := setUpPull(t)
	p.r.realm.Close()
	err := p.get(t, ask(alice))
	if !errors.Is(err, upstream.ErrUnavailable) || !strings.Contains(err.Error(), "token from "+parse(t, p.r.realm.URL).Host) {
		t.Error(err)
	}
	p.closed(t)
	if err = p.get(t, ask(nil)); !errors.Is(err, upstream.ErrUnavailable) || p.Status()[0].Failures == 0 {
		t.Errorf("%v %+v", err, p.Status()[0])
	}
}

func TestUselessTokenReplies(t *testing.T) {
	for name, c := range map[string]struct{ body, text string }{
		"empty":     {``, "no usable token"},
		"no token":  {`{"refresh_token":"hush"}`, "no usable token"},
		"not JSON":  {`hush`, "no usable token"},
		"two words": {`{"token":"hush\r\nX-Evil: 1"}`, "no usable token"},
		"too long":  {`{"token":"` + strings.Repeat("hush", 20<<10) + `"}`, "no usable token"},
		"redirect":  {"", "redirected"},
	} {
		p := setUpPull(t)
		p.r.realm.set(func() {
			p.r.realm.before = func(w http.ResponseWriter, r *http.Request) {
				if name == "redirect" {
					http.Redirect(w, r, p.r.URL+"/elsewhere", http.StatusTemporaryRedirect)
					return
				}
				fmt.Fprint(w, c.body)
			}
		})
		err := p.get(t, ask(&upstream.Login{IdentityToken: "hushed"}))
		if !errors.Is(err, upstream.ErrUnavailable) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
		p.r.want(t, "GET -> 401")
		p.r.realm.want(t, "POST refresh_token:hushed "+tokenAsked)
		p.closed(t)
	}
}

// A mirror must not come by a token for more than is asked for.
func TestScopeOfTheChallenge(t *testing.T) {
	for offered, want := range map[string]string{
		"repository:hub/library/a:pull":       "repository:hub/library/a:pull",
		"repository:library/a:pull,push":      scope,
		"repository:a:pull registry:x:*":      scope,
		"repository:a:pull repository:b:pull": "repository:a:pull repository:b:pull",
		"":                                    scope,
	} {
		p := setUpPull(t)
		p.r.set(func() {
			p.r.challenge = fmt.Sprintf(`Bearer realm="%s",service="reg",scope="%s"`, p.r.realm.URL, offered)
		})
		p.must(t, ask(nil))
		p.r.realm.want(t, "GET reg "+want)
	}
}

func TestOwnLogin(t *testing.T) {
	var hosts []string
	login, broken := *alice, error(nil)
	p := setUpPull(t, func(cfg *upstream.Config) {
		cfg.Login = func(_ context.Context, host string) (upstream.Login, error) {
			hosts = append(hosts, host)
			return login, broken
		}
	})
	p.must(t, ask(nil))
	p.must(t, ask(nil))
	p.must(t, ask(&upstream.Login{}))
	p.r.realm.want(t, "GET alice:s3cret "+tokenAsked, "GET "+tokenAsked)
	if len(hosts) != 1 || hosts[0] != parse(t, p.r.URL).Host {
		t.Error(hosts)
	}
	p.c.Advance(time.Minute)
	broken = errors.New("helper is missing")
	for range 3 {
		if err := p.get(t, ask(nil)); err == nil || !strings.HasSuffix(err.Error(), "credentials for "+hosts[0]+": helper is missing") {
			t.Error(err)
		}
	}
	p.r.realm.want(t)
	p.closed(t)
	broken, login = nil, upstream.Login{Bearer: "ready"}
	p.r.set(func() { p.r.valid["Bearer ready"] = true })
	p.must(t, ask(nil))
	p.r.realm.want(t)
}

// A long rest that a realm asks of one client is not waited out where another
// mirror may soon answer.
func TestLongRestIsNotWaitedOut(t *testing.T) {
	var second *registry
	p := setUpPull(t, func(cfg *upstream.Config) {
		second = newRegistry(t)
		cfg.Mirrors = append(cfg.Mirrors, parse(t, second.URL+"/v2"))
		cfg.Realms = append(cfg.Realms, parse(t, second.realm.URL).Host)
	})
	realmAnswers(p, http.StatusTooManyRequests, "Retry-After", "60")
	second.set(func() {
		second.serve = func(w http.ResponseWriter, _ *http.Request) {
			second.set(func() { second.serve = nil })
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	p.must(t, ask(alice))
	if slept := p.c.Slept(); len(slept) != 1 || slept[0] > time.Second {
		t.Errorf("slept %v", slept)
	}
}
