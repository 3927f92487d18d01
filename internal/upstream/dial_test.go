package upstream

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"testing"
)

func TestOnlyTheTableIsDialled(t *testing.T) {
	tr := NewTransport(Options{})
	var refused refusedError
	if _, err := tr.dial(context.Background(), "tcp", "127.0.0.1:9"); !errors.As(err, &refused) {
		t.Error(err)
	}
	ctx := context.WithValue(context.Background(), admittedKey{}, "127.0.0.1:9")
	if _, err := tr.dial(ctx, "tcp", "127.0.0.1:9"); !errors.As(err, &refused) || brief(err) != "host has a private address" {
		t.Error(err)
	}
}

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fc00::1", "224.0.0.1", "ff02::1",
		"0.0.0.0", "::", "100.64.0.1", "255.255.255.255", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "240.0.0.1", "::127.0.0.1", "fe80::1%eth0",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s taken for public", a)
		}
	}
	for _, a := range []string{"151.101.2.132", "2a04:4e42::644", "8.8.8.8"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s taken for private", a)
		}
	}
}

func TestAdmits(t *testing.T) {
	g := NewGroup(Config{Redirects: []string{"*.cdn.example", "one.example", "odd.example:8080"}}, NewTransport(Options{}))
	for raw, want := range map[string]bool{
		"http://a.cdn.example/x":       true,
		"https://a.b.CDN.example:443/": true,
		"http://cdn.example/":          false,
		"http://evilcdn.example/":      false,
		"http://a.cdn.example:8080/":   false,
		"http://a.cdn.example.evil/":   false,
		"https://one.example/":         true,
		"https://x.one.example/":       false,
		"http://odd.example:8080/":     true,
		"http://odd.example/":          false,
		"https://one.example:80/":      false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.admits(u); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

func TestValidators(t *testing.T) {
	const at = "Mon, 01 Jan 2024 00:00:00 GMT"
	strong, weak, dated := Validator{ETag: `"a"`}, Validator{ETag: `W/"a"`}, Validator{LastModified: at}
	if !strong.Strong() || weak.Strong() || !dated.Strong() || (Validator{}).Strong() {
		t.Error("Strong")
	}
	if strong.ifRange(false) != `"a"` || dated.ifRange(false) != "" || dated.ifRange(true) != at || weak.ifRange(true) != "" {
		t.Error("ifRange")
	}
	if !strong.continues(Validator{ETag: `"a"`, LastModified: at}) || strong.continues(dated) || !dated.continues(Validator{}) ||
		dated.continues(Validator{LastModified: "other"}) {
		t.Error("continues")
	}
	if strong.equal(dated, true) || !dated.equal(dated, true) || dated.equal(dated, false) {
		t.Error("equal")
	}
}
