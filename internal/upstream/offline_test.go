package upstream_test

import (
	"errors"
	"net/url"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// Offline every question fails at once, and nobody is dialled.
func TestOffline(t *testing.T) {
	u := faulty.New(t)
	u.Set(path, content)
	base, err := url.Parse("http://" + u.Host())
	if err != nil {
		t.Fatal(err)
	}
	tr := upstream.NewTransport(upstream.Options{Offline: true})
	defer tr.Close()
	g := upstream.NewGroup(upstream.Config{Name: "deb", Mirrors: []*url.URL{base}}, tr)
	for range 3 { // no breaker opens
		_, err := g.Open(t.Context(), upstream.Request{Path: file, Size: -1})
		if !errors.Is(err, upstream.ErrOffline) || !errors.Is(err, upstream.ErrUnavailable) {
			t.Errorf("Open: %v", err)
		}
		if _, err := g.Head(t.Context(), upstream.Request{Path: file, Size: -1}); !errors.Is(err, upstream.ErrOffline) {
			t.Errorf("Head: %v", err)
		}
	}
	if n := len(u.Requests()); n != 0 {
		t.Errorf("%d requests reached upstream", n)
	}
	if s := g.Status(); s[0].State != upstream.Closed || s[0].Failures != 0 {
		t.Errorf("%+v", s)
	}
}
