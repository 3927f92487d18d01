package upstream_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestOpenWhole(t *testing.T) {
	b := setUp(t, 2)
	body := b.mustGet(t, whole())
	if body.Mirror != b.u[0].URL || body.Off != 0 || body.Size != int64(len(content)) || !body.Framed ||
		body.Validator.ETag == "" || body.Validator.LastModified == "" || body.ContentType != "application/octet-stream" {
		t.Errorf("%+v", body.Info)
	}
	asked(t, b.u[0], "GET "+path+" -> 200")
	asked(t, b.u[1])
	h := b.u[0].Requests()[0].Header
	if h.Get("User-Agent") != "mirrord/test" || h.Get("Accept-Encoding") != "identity" {
		t.Error(h)
	}
}

func TestOpenRange(t *testing.T) {
	b := setUp(t, 1)
	data, body, err := b.get(t, upstream.Request{Path: file, Size: -1, Off: 10, End: 20})
	if err != nil || string(data) != string(content[10:20]) || body.Off != 10 || body.Size != int64(len(content)) {
		t.Fatal(err, body)
	}
	b.u[0].Fail(path, faulty.IgnoreRange())
	data, body, err = b.get(t, upstream.Request{Path: file, Size: -1, Off: 10, End: 20})
	if err != nil || string(data) != string(content[:20]) || body.Off != 0 {
		t.Fatalf("%v %d bytes at %d", err, len(data), body.Off)
	}
	asked(t, b.u[0], "GET "+path+" bytes=10-19 -> 206", "GET "+path+" bytes=10-19 -> 200")
}

func TestPathsOnTheWire(t *testing.T) {
	b := setUp(t, 1, func(c *upstream.Config) { c.Mirrors[0].Path = "/debian/" })
	b.u[0].Set("/debian/pool/g++/g++_1%~é b.deb", content)
	b.mustGet(t, upstream.Request{Path: "pool/g++/g++_1%~é b.deb", Size: -1})
	if uri := b.u[0].Requests()[0].URI; uri != "/debian/pool/g%2B%2B/g%2B%2B_1%25~%C3%A9%20b.deb" {
		t.Error(uri)
	}
	for _, bad := range []string{"../x", "/x", "a//b", "a/./b", "a\x00b", "."} {
		if _, err := b.Open(t.Context(), upstream.Request{Path: bad, Size: -1}); err == nil {
			t.Errorf("%q went out", bad)
		}
	}
	if n := len(b.u[0].Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestConditional(t *testing.T) {
	b := setUp(t, 2)
	v := b.mustGet(t, whole()).Validator
	_, err := b.Open(t.Context(), upstream.Request{Path: file, Size: -1, Unless: v})
	if !errors.Is(err, upstream.ErrNotModified) {
		t.Fatal(err)
	}
	r := b.u[0].Requests()[1]
	if r.IfNoneMatch != v.ETag || r.IfModifiedSince != v.LastModified {
		t.Errorf("%+v", r)
	}
	asked(t, b.u[1])
}

func TestHead(t *testing.T) {
	b := setUp(t, 1)
	info, err := b.Head(t.Context(), whole())
	if err != nil || info.Size != int64(len(content)) || info.Validator.ETag == "" {
		t.Fatal(info, err)
	}
	asked(t, b.u[0], "HEAD "+path+" -> 200")
}

func TestFailOverAndRounds(t *testing.T) {
	for name, c := range map[string]struct {
		first, second []faulty.Fault
		asked         [2]int
		sleeps        int
	}{
		"5xx":                       {first: []faulty.Fault{faulty.Status(500)}, asked: [2]int{1, 1}},
		"drop":                      {first: []faulty.Fault{faulty.Drop()}, asked: [2]int{1, 1}},
		"404 on one":                {first: []faulty.Fault{faulty.Status(404)}, asked: [2]int{1, 1}},
		"403 on one":                {first: []faulty.Fault{faulty.Status(403)}, asked: [2]int{1, 1}},
		"other size":                {first: []faulty.Fault{faulty.Swap([]byte("x"))}, asked: [2]int{1, 1}},
		"gzip unasked":              {first: []faulty.Fault{faulty.Gzip()}, asked: [2]int{1, 1}},
		"206 unasked":               {first: []faulty.Fault{faulty.Partial()}, asked: [2]int{1, 1}},
		"206 unasked, as if from 0": {first: []faulty.Fault{faulty.Partial().And(faulty.ContentRange("bytes 0-199998/200000"))}, asked: [2]int{1, 1}},
		"304 unasked":               {first: []faulty.Fault{faulty.Status(304)}, asked: [2]int{1, 1}},
		"wild redirect":             {first: []faulty.Fault{faulty.Redirect("http://other.example/")}, asked: [2]int{1, 1}},
		"both then first":           {first: []faulty.Fault{faulty.Status(502)}, second: []faulty.Fault{faulty.Drop()}, asked: [2]int{2, 1}, sleeps: 1},
		"third round":               {first: []faulty.Fault{faulty.Status(502).Times(2)}, second: []faulty.Fault{faulty.Drop().Times(3)}, asked: [2]int{3, 2}, sleeps: 2},
		"redirect refused is not repeated": {
			first: []faulty.Fault{faulty.Redirect("ftp://x/")}, second: []faulty.Fault{faulty.Status(500)}, asked: [2]int{1, 2}, sleeps: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 2)
			b.u[0].Fail(path, c.first...)
			b.u[1].Fail(path, c.second...)
			b.mustGet(t, whole())
			if n := [2]int{len(b.u[0].Requests()), len(b.u[1].Requests())}; n != c.asked {
				t.Errorf("asked %v, want %v", n, c.asked)
			}
			if len(b.c.Slept()) != c.sleeps {
				t.Errorf("slept %v", b.c.Slept())
			}
		})
	}
}

func TestOneMirrorOnly(t *testing.T) {
	b := setUp(t, 2)
	r := whole()
	r.Mirror = b.Mirrors()[1]
	b.u[1].Fail(path, faulty.Cut(1000))
	b.mustGet(t, r)
	asked(t, b.u[0])
	r.Mirror = "http://nobody.example"
	if _, err := b.Open(t.Context(), r); err == nil || errors.Is(err, upstream.ErrUnavailable) {
		t.Error(err)
	}
}

func TestHangIsNotRepeated(t *testing.T) {
	b := setUp(t, 2, hasty)
	b.u[0].Fail(path, faulty.Hang().Always())
	b.u[1].Fail(path, faulty.Hang().Always())
	_, _, err := b.get(t, whole())
	if !errors.Is(err, upstream.ErrUnavailable) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if _, down := b.Down(); !down {
		t.Error("a hang leaves the breaker closed")
	}
	if _, _, err := b.get(t, whole()); !errors.Is(err, upstream.ErrUnavailable) {
		t.Error(err)
	}
	if len(b.u[0].Requests()) != 1 || len(b.u[1].Requests()) != 1 || len(b.c.Slept()) != 0 {
		t.Errorf("%v %v %v", b.u[0].Lines(), b.u[1].Lines(), b.c.Slept())
	}
}

func TestPatienceIsShared(t *testing.T) {
	b := setUp(t, 2)
	for _, u := range b.u {
		u.Fail(path, faulty.Hang().Always())
	}
	r := whole()
	r.Patience = 2 * short
	_, _, err := b.get(t, r)
	if _, down := b.Down(); !down || !errors.Is(err, upstream.ErrUnavailable) || len(b.u[1].Requests()) != 1 {
		t.Errorf("down %v, %v: the second mirror got no turn", down, err)
	}
	if got, want := b.Status()[0].LastError, "no answer within "+short.String(); got != want {
		t.Errorf("the first mirror: %s, want %s", got, want)
	}
}

func TestPatienceBoundsRounds(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Status(500).Always())
	r := whole()
	r.Patience = 500 * time.Millisecond // room for one pause of about 200 ms, not for 600 ms more
	_, _, err := b.get(t, r)
	if n := len(b.u[0].Requests()); !errors.Is(err, upstream.ErrUnavailable) || n != 2 || len(b.c.Slept()) != 1 {
		t.Errorf("%v, %d requests, slept %v", err, n, b.c.Slept())
	}
}

func TestRetryAfter(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Unavailable(4))
	b.mustGet(t, whole())
	if s := b.c.Slept(); len(s) != 1 || s[0] != 4*time.Second {
		t.Errorf("slept %v", s)
	}
	b.u[0].Fail(path, faulty.Status(429, "Retry-After", "3600"))
	_, _, err := b.get(t, whole())
	until, down := b.Down()
	if !errors.Is(err, upstream.ErrUnavailable) || !down || until.Sub(b.c.Now()) != 5*time.Minute || len(b.c.Slept()) != 1 {
		t.Errorf("%v, down %v until %v, slept %v", err, down, until, b.c.Slept())
	}
	b.c.Advance(5 * time.Minute)
	b.mustGet(t, whole())
}

func TestCallerLeaving(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Hang().Always())
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err := b.Open(ctx, whole())
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, upstream.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if s := b.Status()[0]; s.State != upstream.Closed || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestLabelledGzip(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Label("x-gzip"))
	b.mustGet(t, whole())
	b.u[0].Fail(path, faulty.Label("gzip").Always())
	if _, _, err := b.get(t, upstream.Request{Path: file, Size: -1}); !errors.Is(err, upstream.ErrUnavailable) {
		t.Error(err)
	}
}

func TestCredentials(t *testing.T) {
	b := setUp(t, 2, func(c *upstream.Config) { c.Mirrors[0].User = url.UserPassword("joe", "s3cret") })
	b.u[0].Fail(path, faulty.Redirect(path+"2"), faulty.Redirect(b.u[1].URL+path), faulty.Status(500).Always())
	b.u[0].Set(path+"2", content)
	b.mustGet(t, whole())
	b.mustGet(t, whole())
	for i, r := range b.u[0].Requests() {
		if r.Header.Get("Authorization") != "Basic am9lOnMzY3JldA==" {
			t.Errorf("request %d went without credentials", i)
		}
	}
	if h := b.u[1].Requests()[0].Header; h.Get("Authorization") != "" {
		t.Error("credentials followed a redirect")
	}
	b.u[1].Fail(path, faulty.Status(500).Always())
	_, _, err := b.get(t, whole())
	texts := err.Error() + strings.Join(b.Mirrors(), " ") + b.Status()[0].LastError
	if strings.Contains(texts, "joe") || strings.Contains(texts, "s3cret") {
		t.Error(texts)
	}
}

func TestNobodyListens(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Down()
	_, _, err := b.get(t, whole())
	if want := "debian: " + b.u[0].URL + ": connection refused"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	b.u[0].Up()
	b.mustGet(t, whole())
}

func TestConnectionsAreReused(t *testing.T) {
	b := setUp(t, 1)
	b.u[0].Fail(path, faulty.Pass(), faulty.Chunked(), faulty.Status(404), faulty.Redirect(path))
	for range 5 {
		_, _, _ = b.get(t, whole())
	}
	remote := map[string]bool{}
	for _, r := range b.u[0].Requests() {
		remote[r.Remote] = true
	}
	if len(b.u[0].Requests()) != 6 || len(remote) != 1 {
		t.Errorf("%d connections for %q", len(remote), b.u[0].Lines())
	}
}
