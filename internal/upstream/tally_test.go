package upstream_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// TestCounts: each request is counted at its mirror, by what came of it.
func TestCounts(t *testing.T) {
	for want, fault := range map[string]faulty.Fault{
		"2xx":     faulty.Pass(),
		"4xx":     faulty.Status(http.StatusNotFound),
		"429":     faulty.Status(http.StatusTooManyRequests),
		"5xx":     faulty.Status(http.StatusBadGateway),
		"timeout": faulty.Hang(),
		"broken":  faulty.Drop(),
		"unfit":   faulty.Header("Content-Encoding", "br"),
	} {
		b := setUp(t, 2, hasty)
		b.u[0].Fail(path, fault.Always())
		b.mustGet(t, upstream.Request{Path: file, Size: -1})
		all := b.Counts()
		if len(all) != 2 || len(all[0].Requests) != 1 || all[0].Requests[want] == 0 {
			t.Errorf("%+v, expected %s only of the first", all, want)
			continue
		}
		from := 1
		if want == "2xx" {
			from = 0
		}
		if n := int64(len(content)); all[from].Received != n || all[1-from].Received != 0 || all[from].Mirror != b.u[from].URL {
			t.Errorf("%s: %+v, expected %d bytes of mirror %d", want, all, n, from)
		}
	}
}

// TestCountsUnreachable: nobody listens there.
func TestCountsUnreachable(t *testing.T) {
	b := setUp(t, 1, func(c *upstream.Config) { c.Mirrors[0] = parse(t, "http://127.0.0.1:1") })
	if _, _, err := b.get(t, whole()); err == nil {
		t.Fatal("no error")
	}
	if got := b.Counts()[0].Requests; got["unreachable"] == 0 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestCountsOfListed: mirrors of lists are counted together, and stay counted when a
// list names others.
func TestCountsOfListed(t *testing.T) {
	b := setUp(t, 2) // which makes their addresses configured ones
	g := upstream.NewGroup(upstream.Config{Name: "l"}, b.t)
	g.SetReady(func(context.Context, string) error { return nil })
	b.Group = g
	for _, u := range b.u {
		g.SetListed([]*url.URL{parse(t, u.URL)})
		b.mustGet(t, whole())
	}
	all := g.Counts()
	if n := int64(2 * len(content)); len(all) != 1 || all[0].Mirror != upstream.Listed || all[0].Received != n || all[0].Requests["2xx"] != 2 {
		t.Errorf("%+v, expected %d bytes of two requests", all, n)
	}
}
