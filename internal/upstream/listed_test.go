package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
)

func urls(t *testing.T, all ...string) (out []*url.URL) {
	t.Helper()
	for _, s := range all {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}

func TestSetListed(t *testing.T) {
	tr := NewTransport(Options{})
	NewGroup(Config{Name: "other", Mirrors: urls(t, "http://10.1.1.1:81/x")}, tr)
	g := NewGroup(Config{Name: "f", Mirrors: urls(t, "https://own.example/f")}, tr)
	g.SetListed(urls(t, "https://a.example/f", "https://own.example/f", "https://b.example/f", "https://b.example/f",
		"http://10.0.0.1/f", "http://[::1]/f", "http://169.254.169.254/f", "ftp://c.example/f", "https://u:p@d.example/f", "https://e.example/f?x",
		"http://10.1.1.1:81/f", "http://10.1.1.1:82/f"))
	if got := g.Mirrors(); !slices.Equal(got, []string{"https://own.example", "https://a.example", "https://b.example", "http://10.1.1.1:81"}) {
		t.Errorf("%q", got)
	}
	b := g.mirrors()[2]
	b.breaker.failed(errors.New("x"), true)
	g.SetListed(urls(t, "https://b.example/f", "https://g.example/f"))
	if all := g.mirrors(); len(all) != 3 || all[1] != b || all[0].listed || !all[2].listed {
		t.Errorf("%+v", g.Status())
	}
	var many []*url.URL
	for i := range 80 {
		many = append(many, urls(t, fmt.Sprintf("https://m%d.example/", i))...)
	}
	g.SetListed(many)
	if n := len(g.mirrors()); n != listedMost+1 {
		t.Errorf("%d mirrors", n)
	}
	if g.t.configured("m0.example:443") {
		t.Error("a listed host is in the table")
	}
}

// A name that a list gave is dialled, but not where it leads inside.
func TestListedHostIsNotDialledInside(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits++ }))
	defer srv.Close()
	u := urls(t, srv.URL)[0]
	u.Host = "localhost:" + u.Port()
	tr := NewTransport(Options{})
	defer tr.Close()
	g := NewGroup(Config{Name: "f"}, tr)
	g.SetListed([]*url.URL{u})
	_, err := g.Open(t.Context(), Request{Path: "x", Size: -1})
	var refused refusedError
	if !errors.As(err, &refused) || refused != "host has a private address" || hits != 0 {
		t.Errorf("%v, %d requests", err, hits)
	}
}

func TestRedirectsOfListedMirrors(t *testing.T) {
	g := NewGroup(Config{Name: "f"}, NewTransport(Options{}))
	g.SetListed(urls(t, "http://a.example/f", "https://b.example:8443/f"))
	from := urls(t, "http://a.example/f/x")[0]
	for to, want := range map[string]bool{
		"https://a.example/f/x": true, "https://A.example:443/x": true, "http://b.example/x": true,
		"https://a.example:8443/x": false, "https://c.example/x": false, "https://x.a.example/": false,
	} {
		if _, err := g.follow(from, to); (err == nil) != want {
			t.Errorf("%s: %v", to, err)
		}
	}
}
