package upstream_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestRateLimitIsRecorded(t *testing.T) {
	p := setUpPull(t)
	remaining, code := "76;w=21600", http.StatusOK
	p.r.set(func() {
		p.r.serve = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ratelimit-limit", "100;w=21600")
			w.Header().Set("ratelimit-remaining", remaining)
			w.Header().Set("Content-Length", "200000")
			w.Header().Set("Docker-Content-Digest", "sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
			w.Header().Set("Link", `</v2/a/tags/list?n=1>; rel="next"`)
			w.WriteHeader(code)
		}
	})
	if r := p.Status()[0].RateLimit; r != nil {
		t.Error(r)
	}
	info, err := p.Head(t.Context(), ask(nil))
	if err != nil || info.Digest != "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" ||
		info.Link != `</v2/a/tags/list?n=1>; rel="next"` {
		t.Errorf("%v %+v", err, info)
	}
	want := upstream.RateLimit{Limit: 100, Remaining: 76, Window: 6 * time.Hour}
	if r := p.Status()[0].RateLimit; r == nil || *r != want {
		t.Errorf("%+v", r)
	}
	remaining, code = "0;w=21600", http.StatusTooManyRequests
	isCode(t, p.get(t, ask(nil)), 429)
	if r := p.Status()[0].RateLimit; r == nil || r.Remaining != 0 {
		t.Errorf("%+v", r)
	}
}

// Whoever asks while all mirrors rest hears the same 429.
func TestRestingMirrorsSay429(t *testing.T) {
	b := setUp(t, 2)
	for _, u := range b.u {
		u.Fail(path, faulty.Status(http.StatusTooManyRequests, "Retry-After", "120").Always())
	}
	for range 3 {
		_, _, err := b.get(t, whole())
		s := isCode(t, err, 429)
		var down *upstream.UnavailableError
		if !errors.As(err, &down) || down.RetryAfter != 2*time.Minute || s.RetryAfter != 2*time.Minute {
			t.Errorf("%v %+v", err, down)
		}
		for _, u := range b.u { // for bodies that were under way
			b.Blame(u.URL, errors.New("wrong bytes"))
		}
	}
	asked(t, b.u[0], "GET "+path+" -> 429")
	asked(t, b.u[1], "GET "+path+" -> 429")
}

// TestLimitIsOfOneLogin: who is over a limit is not asked for until then, and has the
// mirror rest for nobody else.
func TestLimitIsOfOneLogin(t *testing.T) {
	ann, bob := &upstream.Login{Username: "ann", Password: "a"}, &upstream.Login{Username: "bob", Password: "b"}
	for _, over := range []*upstream.Login{ann, {}, nil} {
		p := setUpPull(t)
		limits := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		p.r.set(func() { p.r.serve = limits })
		for range 3 {
			if s := isCode(t, p.get(t, ask(over)), 429); s.RetryAfter != 2*time.Minute {
				t.Errorf("Retry-After %v", s.RetryAfter)
			}
		}
		if n := len(p.r.take()); n != 2 { // the 401 to begin with, then the 429
			t.Errorf("%v: a registry that said Retry-After was asked %d times", over, n)
		}
		p.closed(t)
		p.r.set(func() { p.r.serve = nil })
		p.must(t, ask(bob))
		p.c.Advance(2*time.Minute + time.Second)
		p.must(t, ask(over))
	}
}

func TestQueryAndAccept(t *testing.T) {
	b := setUp(t, 1)
	r := whole()
	r.Query, r.Accept = "n=2&last=a%2Fb", "application/json"
	b.mustGet(t, r)
	if got := b.u[0].Requests()[0]; got.URI != path+"?n=2&last=a%2Fb" || got.Header.Get("Accept") != "application/json" {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"a b", "a\nb", "a#b", "é"} {
		r.Query = bad
		if _, err := b.Open(t.Context(), r); err == nil {
			t.Errorf("%q went out", bad)
		}
	}
	if n := len(b.u[0].Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}
