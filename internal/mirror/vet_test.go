package mirror

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"mirrord/internal/repo/apt"
	"mirrord/internal/upstream"
)

// A mirror whose root a list does not know is passed over, for a new root and for one
// that has not changed.
func TestVet(t *testing.T) {
	h := newHouse(t, 2)
	old, current := newArchive("1", "hello").seal(monday), newArchive("2", "hello").seal(tuesday)
	old.publish(h.ups[0])
	current.publish(h.ups[1])
	var good string
	h.m.repos["deb"].Vet = func(_ context.Context, path string, text []byte) error {
		if path == release && string(text) != good {
			return errors.New("not listed")
		}
		return nil
	}
	good = current.files[release]
	h.wants(nil, release, current.files[release])
	if asked := h.asked(); len(asked) == 0 || !strings.Contains(strings.Join(asked, " "), release) {
		t.Errorf("the first mirror was asked for %v", asked)
	}
	good = "neither"
	h.advance(2 * time.Minute)
	if a := h.wants(nil, release, current.files[release]); a.Stale != "upstream is half-synchronised" {
		t.Errorf("%s", a.CacheStatus())
	}
	if _, err := h.open(nil, "dists/none/InRelease"); errors.Is(err, ErrIncomplete) {
		t.Errorf("%v", err)
	}
}

// A group without mirrors is an error, not a root.
func TestNoMirrors(t *testing.T) {
	h := newHouse(t, 1)
	tr := upstream.NewTransport(upstream.Options{})
	defer tr.Close()
	m, err := New(Options{Store: h.store, Now: h.now, Repos: []Config{
		{Name: "none", Adapter: apt.Adapter{}, Upstream: upstream.NewGroup(upstream.Config{Name: "none"}, tr)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Open(t.Context(), Request{Repo: "none", Path: "dists/s/InRelease"}); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}
