package upstream_test

import (
	"errors"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// behindHub makes the first server the hub.
func behindHub(c *upstream.Config) {
	c.Hub = &upstream.Hub{Base: c.Mirrors[0], Token: "secret"}
	c.Mirrors = c.Mirrors[1:]
}

// TestHubFirst: the hub is asked first however slow it is, and nobody beside it.
func TestHubFirst(t *testing.T) {
	t.Parallel()
	b := setUp(t, 2, behindHub)
	b.u[0].Fail(path, faulty.Drop().Times(1))
	b.mustGet(t, whole()) // from the public one, whose measure is known from now on
	b.c.Advance(time.Hour)
	b.u[1].Forget()
	b.u[0].Fail(path, faulty.Delay(450*time.Millisecond).Always()) // a mirror's answer would be hedged
	for range 30 {                                                 // one request in twenty would go to another mirror
		if b.u[0].Heal(path); len(b.u[0].Requests()) < 3 {
			b.u[0].Fail(path, faulty.Delay(450*time.Millisecond).Always())
		}
		if body := b.mustGet(t, whole()); body.Mirror != b.u[0].URL {
			t.Fatal(body.Mirror)
		}
	}
	asked(t, b.u[1])
	if got := b.Mirrors(); got[0] != b.u[0].URL {
		t.Error(got)
	}
	b.Behind(b.u[0].URL, b.c.Now().Add(time.Hour)) // also with an older root
	if got := b.Mirrors(); got[0] != b.u[0].URL {
		t.Error(got)
	}
	if n := b.Lanes(64 << 20); n != 1 {
		t.Errorf("%d lanes, beside the hub", n)
	}
}

// TestHubFails: what the hub fails to give, or has not, comes from the mirrors.
func TestHubFails(t *testing.T) {
	for name, fault := range map[string]faulty.Fault{
		"drops": faulty.Drop(), "500": faulty.Status(500), "404": faulty.Status(404), "cut": faulty.Cut(1000),
		"ungranted": faulty.Status(403, "WWW-Authenticate", `Bearer realm="mirrord fleet"`), "redirects": faulty.Redirect("http://localhost:1/elsewhere"),
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 2, behindHub)
			b.u[0].Fail(path, fault.Always())
			b.mustGet(t, whole())
			if len(b.u[1].Requests()) == 0 {
				t.Error("the mirror was not asked")
			}
			alone := setUp(t, 1, behindHub)
			alone.u[0].Fail(path, fault.Always())
			if _, _, err := alone.get(t, whole()); err == nil {
				t.Error("no error without a mirror")
			}
		})
	}
}

// TestHubToken: the token goes to the hub, and nobody else's credentials do.
func TestHubToken(t *testing.T) {
	b := setUp(t, 2, behindHub)
	r := whole()
	r.Scope, r.As = "repository:a:pull", &upstream.Login{Username: "alice", Password: "hers"}
	b.mustGet(t, r)
	b.u[0].Fail(path, faulty.Status(404))
	b.mustGet(t, r)
	for _, q := range b.u[0].Requests() {
		if got := q.Header.Get("Authorization"); got != "Bearer secret" {
			t.Errorf("the hub was given %q", got)
		}
	}
	for _, q := range b.u[1].Requests() {
		if got := q.Header.Get("Authorization"); got != "" {
			t.Errorf("the mirror was given %q", got)
		}
	}
}

// TestHubRefuses: a hub's no to this mirrord is its failure; a registry's no that it
// passes on is about what was asked for.
func TestHubRefuses(t *testing.T) {
	b := setUp(t, 1, behindHub)
	b.u[0].Fail(path, faulty.Status(401, "WWW-Authenticate", `Bearer realm="mirrord fleet"`))
	if _, _, err := b.get(t, whole()); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("%v, expected that it is unavailable", err)
	}
	b = setUp(t, 1, behindHub)
	b.u[0].Fail(path, faulty.Status(401))
	var said *upstream.StatusError
	if _, _, err := b.get(t, whole()); errors.Is(err, upstream.ErrUnavailable) || !errors.As(err, &said) || said.Code != 401 {
		t.Errorf("%v, expected the registry's 401", err)
	}
}
