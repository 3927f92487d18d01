package registryfaults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// guarded is a hub that tokens of the realm open, with an image of two layers.
func guarded(t *testing.T) (u *faulty.Server, s *realm, im *image, m *rig.Mirrord) {
	u, s = faulty.New(t), newRealm(t)
	s.guard(u, s.URL+"/token")
	im = newImage("docker.io", "team/app", 1, blobSize, blobSize)
	im.publish(u)
	m = start(t, registry("docker.io", fmt.Sprintf(", default: true, realms: [%q]", s.host()), u))
	return u, s, im, m
}

// secretive fails the test where mirrord has written down what is secret.
func secretive(t *testing.T, m *rig.Mirrord) {
	t.Helper()
	for line := range strings.Lines(m.Log()) {
		for _, s := range []string{password, "token-", basic("alice", password)[1][len("Basic "):]} {
			if strings.Contains(line, s) {
				t.Errorf("the log has %q: %s", s, line)
			}
		}
	}
}

// TestTokenEndsMidPull: tokens that upstream takes once only, as if each had ended
// meanwhile: between two blobs, and where a download that was cut goes on.
func TestTokenEndsMidPull(t *testing.T) {
	t.Parallel()
	for who, login := range map[string][]string{"nobody": nil, "alice": basic("alice", password)} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			u, s, im, m := guarded(t)
			s.set(1, nil)
			if err := manifestOf(rig.Get(im.url(m, byTag), login...), im.manifest); err != nil {
				t.Fatal(err)
			}
			cut := func(n int64) faulty.Fault { // the rest is refused until there is a new token
				return faulty.Cut(n).When(func(r *http.Request) bool { return s.admits(r) })
			}
			for i := range 2 {
				u.Fail(im.path(im.layer(i)), cut(100_000), cut(200_000))
				u.Forget()
				for _, r := range atOnce(2, im.url(m, im.layer(i)), login...) {
					if err := r.Right("", im.blobs[i+1]); err != nil {
						t.Errorf("layer %d: %v: %.200q", i, err, r.Body[:min(len(r.Body), 300)])
					}
				}
				if n := u.Sent(im.path(im.layer(i))); n > blobSize+1000 {
					t.Errorf("upstream sent %d bytes of layer %d, expected each once", n, i)
				}
				for _, r := range u.Requests() {
					if after := r.Range == "" || slices.Contains([]string{"bytes=100000-", "bytes=300000-"}, r.Range); !after {
						t.Errorf("upstream was asked %v", r)
					}
				}
			}
			secretive(t, m)
			m.Fsck(t)
		})
	}
}

// noToken is what a token server does in place of giving a token.
type noToken struct {
	name     string
	do       http.HandlerFunc
	statuses []int // that clients see, upstreamFailed where nil
	lasts    bool  // in mirrord's memory, too long to wait for the end
}

// says answers with a text and, in pairs, header fields.
func says(status int, text string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text)) // whoever left does not need it
	}
}

// TestTokenServer: whatever the token server does in place of a token, a client hears
// of it shortly and in the API's form, what is stored is served, and afterwards all
// is well.
func TestTokenServer(t *testing.T) {
	t.Parallel()
	elsewhere := faulty.New(t)
	refused, limited := []int{401, 403}, []int{429}
	for _, c := range []noToken{
		{name: "refuses", do: says(401, "token-leak"), statuses: refused},
		{name: "forbids", do: says(403, "token-leak"), statuses: refused, lasts: true},
		{name: "hangs", do: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{name: "500", do: says(500, "token-leak /tmp/")},
		{name: "page", do: says(200, "<!DOCTYPE html>token-leak", "Content-Type", "text/html")},
		{name: "no token", do: says(200, `{"tokens":"token-leak"}`)},
		{name: "a number", do: says(200, `{"token":5}`)},
		{name: "two lines", do: says(200, `{"token":"token-leak\r\nX-Evil: 1"}`)},
		{name: "half", do: says(200, `{"token":"token-le`)},
		{name: "without end", do: says(200, `{"token":"`+strings.Repeat("token-leak", 400_000)+`"}`)},
		{name: "elsewhere", do: says(302, "", "Location", elsewhere.URL+"/token")},
		{name: "429", do: says(429, ""), statuses: limited},
		{name: "429 with Retry-After", do: says(429, "", "Retry-After", "1"), statuses: limited},
		{name: "429 with long Retry-After", do: says(429, "", "Retry-After", "3600"), statuses: limited, lasts: true},
	} {
		for who, login := range map[string][]string{"nobody": nil, "alice": basic("alice", password)} {
			t.Run(c.name+"/"+who, func(t *testing.T) {
				t.Parallel()
				c.test(t, login)
			})
		}
	}
	t.Cleanup(func() {
		if got := elsewhere.Lines(); len(got) > 0 {
			t.Errorf("the token server's redirect was followed: %q", got)
		}
	})
}

func (c noToken) test(t *testing.T, login []string) {
	_, s, im, m := guarded(t)
	stored, cold := im.url(m, im.layer(0)), im.url(m, im.layer(1))
	for _, url := range []string{im.url(m, byTag), stored} {
		if r := rig.Get(url, login...); r.Err != nil || r.Status != 200 {
			t.Fatalf("%s: %s", url, r.How())
		}
	}
	s.set(forever, c.do)
	before := s.exchanges()
	statuses := c.statuses
	if statuses == nil {
		statuses = upstreamFailed
	}
	for range 2 {
		r := rig.Get(cold, login...)
		if err := failure(m, r, "docker.io", statuses...); err != nil || r.Took > waitMost {
			t.Errorf("after %v: %v", r.Took, err)
		}
	}
	if n := s.exchanges() - before; n > 8 {
		t.Errorf("%d tokens were asked for", n)
	}
	if !slices.Contains(c.statuses, 401) { // that ends the right to what is stored, too
		if r := rig.Get(stored, login...); r.Right("", im.blobs[1]) != nil {
			t.Errorf("what is stored: %s", r.How())
		}
		if r := head(im.url(m, byTag), login...); !r.Stale() {
			t.Errorf("the tag: %s", r.How())
		}
	}
	if s.set(forever, nil); !c.lasts {
		mended := func() rig.Reply { return rig.Get(cold, login...) }
		if err := until(mended, func(r rig.Reply) error { return r.Right("", im.blobs[2]) }); err != nil {
			t.Errorf("does not recover: %v", err)
		}
	}
	secretive(t, m)
	m.Fsck(t)
}

// TestRealmElsewhere: an upstream that names a realm which is not configured has
// nobody's password sent there, nor a request at all.
func TestRealmElsewhere(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(thief string) string{
		"another host": func(thief string) string { return thief + "/token" },
		"user part":    func(thief string) string { return strings.Replace(thief, "://", "://registry.example@", 1) + "/token" },
		"no path":      func(thief string) string { return thief },
		"nonsense":     func(string) string { return "http://%zz/" },
		"file":         func(string) string { return "file:///etc/passwd" },
		"empty":        func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, thief, s := faulty.New(t), faulty.New(t), newRealm(t)
			s.guard(u, at(thief.URL))
			im := newImage("docker.io", "team/app", 1, 1000)
			im.publish(u)
			m := start(t, registry("docker.io", ", default: true", u))
			for _, login := range [][]string{nil, basic("alice", password), {"Authorization", "Bearer token-of-alice"}} {
				for _, p := range []string{byTag, im.layer(0)} {
					if err := failure(m, rig.Get(im.url(m, p), login...), "docker.io", append([]int{401, 403}, upstreamFailed...)...); err != nil {
						t.Errorf("%s: %v", p, err)
					}
				}
			}
			if got := thief.Lines(); len(got) > 0 {
				t.Errorf("the other host was asked %q", got)
			}
			for _, r := range u.Requests() {
				if strings.HasPrefix(r.Header.Get("Authorization"), "Basic") {
					t.Errorf("upstream, which asks for tokens, was sent a password: %v", r)
				}
			}
			secretive(t, m)
			m.Fsck(t)
		})
	}
}

// TestRedirectedBlob: a blob may come from another configured host; credentials do
// not go there.
func TestRedirectedBlob(t *testing.T) {
	u, s, cdn := faulty.New(t), newRealm(t), faulty.New(t)
	s.guard(u, s.URL+"/token")
	im := newImage("docker.io", "team/app", 1, blobSize)
	im.publish(u)
	cdn.Set("/store/blob", im.blobs[1])
	cdn.Fail("/store/blob", faulty.Cut(400_000))
	u.Fail(im.path(im.layer(0)), faulty.Redirect(cdn.URL+"/store/blob?sig=token-of-the-store").When(s.admits).Always())
	m := start(t, registry("docker.io", fmt.Sprintf(", default: true, realms: [%q]", s.host()), u)+registry("cdn.example", "", cdn))
	alice := basic("alice", password)
	for _, p := range []string{byTag, im.layer(0)} {
		if r := rig.Get(im.url(m, p), alice...); r.Err != nil || r.Status != 200 {
			t.Fatalf("%s: %s %.300q", p, r.How(), r.Body[:min(len(r.Body), 300)])
		}
	}
	if n := cdn.Sent(faulty.All); n != blobSize {
		t.Errorf("the other host sent %d bytes, expected %d", n, blobSize)
	}
	for _, r := range cdn.Requests() {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("credentials went to another host: %v", r)
		}
	}
	began := time.Now()
	cdn.Down()
	if r := rig.Get(im.url(m, im.layer(0)), alice...); r.Right("", im.blobs[1]) != nil || time.Since(began) > waitMost {
		t.Errorf("stored: %s", r.How())
	}
	secretive(t, m)
	m.Fsck(t)
}
