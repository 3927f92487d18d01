package upstream_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestRedirects(t *testing.T) {
	for name, c := range map[string]struct {
		to   func(self, other, stranger *faulty.Server) string
		text string // "" when it is followed
	}{
		"same host":      {func(s, _, _ *faulty.Server) string { return path + "2" }, ""},
		"configured":     {func(_, o, _ *faulty.Server) string { return o.URL + path }, ""},
		"userinfo":       {func(_, o, _ *faulty.Server) string { return "http://a:b@" + o.Host() + path }, ""},
		"not configured": {func(_, _, x *faulty.Server) string { return x.URL + path }, "is not configured"},
		"other port":     {func(s, _, _ *faulty.Server) string { return "http://127.0.0.1:1/" }, "is not configured"},
		"metadata":       {func(_, _, _ *faulty.Server) string { return "http://169.254.169.254/latest" }, "is not configured"},
		"file":           {func(_, _, _ *faulty.Server) string { return "file:///etc/passwd" }, "without a usable Location"},
		"ftp":            {func(s, _, _ *faulty.Server) string { return "ftp://" + s.Host() }, "another scheme"},
		"nowhere":        {func(_, _, _ *faulty.Server) string { return "" }, "without a usable Location"},
		"loop":           {func(s, _, _ *faulty.Server) string { return path }, "too often"},
		// A pattern lets a name in, but never to a private address.
		"pattern, private literal": {func(_, _, x *faulty.Server) string { return x.URL + path + "?cdn" }, "is not configured"},
		"pattern, private name": {func(_, _, x *faulty.Server) string {
			return "http://localhost:" + parseHost(x).Port() + path
		}, "private address"},
	} {
		t.Run(name, func(t *testing.T) {
			stranger := faulty.New(t)
			stranger.Set(path, content)
			b := setUp(t, 2, func(cfg *upstream.Config) {
				cfg.Mirrors = cfg.Mirrors[:1]
				cfg.Redirects = []string{"*.cdn.example", "localhost:" + parseHost(stranger).Port()}
			})
			upstream.NewGroup(upstream.Config{Name: "other", Mirrors: []*url.URL{parse(t, b.u[1].URL)}}, b.t)
			b.u[0].Set(path+"2", content)
			b.u[0].Fail(path, faulty.Redirect(c.to(b.u[0], b.u[1], stranger)).Always())
			data, _, err := b.get(t, whole())
			if c.text == "" {
				if err != nil || !bytes.Equal(data, content) {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, upstream.ErrUnavailable) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v", err)
			}
			if n := len(b.u[0].Requests()); n != 1 && name != "loop" || n > 6 {
				t.Errorf("%d requests", n)
			}
			if b.Status()[0].Failures == 0 {
				t.Error("not counted as a fault")
			}
			asked(t, stranger)
		})
	}
}

func parseHost(u *faulty.Server) *url.URL { return &url.URL{Host: u.Host()} }

func TestRangeSurvivesRedirect(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Set(path+"2", content)
	b.u[0].Fail(path, faulty.Redirect(path+"2"))
	b.u[0].Fail(path+"2", faulty.Cut(1000))
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 302", "GET "+path+"2 -> 200", from(1000))
}

// overTLS is a group over one https server, and one over http beside it.
func overTLS(t *testing.T) (tlsUp, plain *faulty.Server, g *upstream.Group) {
	tlsUp, plain = faulty.NewTLS(t), faulty.New(t)
	tlsUp.Set(path, content)
	plain.Set(path, content)
	roots := x509.NewCertPool()
	roots.AddCert(tlsUp.Certificate())
	tr := upstream.NewTransport(upstream.Options{Proxy: noProxy, TLS: &tls.Config{RootCAs: roots}})
	t.Cleanup(tr.Close)
	upstream.NewGroup(upstream.Config{Name: "plain", Mirrors: []*url.URL{parse(t, plain.URL)}}, tr)
	return tlsUp, plain, upstream.NewGroup(upstream.Config{Name: "tls", Mirrors: []*url.URL{parse(t, tlsUp.URL)}}, tr)
}

func TestNeverFromHTTPSToHTTP(t *testing.T) {
	secure, plain, g := overTLS(t)
	secure.Fail(path, faulty.Redirect(plain.URL+path))
	if _, err := g.Open(t.Context(), whole()); err == nil || !strings.Contains(err.Error(), "https to http") {
		t.Error(err)
	}
	asked(t, plain)
}

func TestHTTP2(t *testing.T) {
	secure, _, g := overTLS(t)
	secure.Fail(path, faulty.Cut(70000))
	body, err := g.Open(t.Context(), whole())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(data, content) || secure.Requests()[0].Proto != "HTTP/2.0" {
		t.Errorf("%v %+v", err, secure.Lines())
	}
}

func TestProxy(t *testing.T) {
	proxy := faulty.New(t) // sees the absolute URL, answers from its own files
	proxy.Set(path, content)
	tr := upstream.NewTransport(upstream.Options{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }})
	t.Cleanup(tr.Close)
	g := upstream.NewGroup(upstream.Config{Name: "far", Mirrors: []*url.URL{parse(t, "http://mirror.invalid")}, Redirects: []string{"192.168.0.1"}}, tr)
	body, err := g.Open(t.Context(), whole())
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	proxy.Fail(path, faulty.Redirect("http://192.168.0.1/"))
	if _, err = g.Open(t.Context(), whole()); err == nil || !strings.Contains(err.Error(), "private address") {
		t.Error(err)
	}
	if r := proxy.Requests()[0]; r.Host != "mirror.invalid" || len(proxy.Requests()) != 2 {
		t.Errorf("%+v", r)
	}
}
