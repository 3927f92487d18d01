package mirror

import (
	"io"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"
	"mirrord/internal/upstream"
)

func TestPrivate(t *testing.T) {
	ann, bob := upstream.Login{Username: "ann", Password: "a"}, upstream.Login{Username: "bob", Password: "b"}
	h := newHub(t, nil)
	im := h.main.image("corp/app")
	im.users = map[string]string{"ann": "a"}
	h.main.image("bobs/app").users = map[string]string{"bob": "b"}
	d := im.push("1", layer("secret"))
	blob := digest.Of([]byte(layer("secret")))
	paths := []string{"corp/app/manifests/1", "corp/app/manifests/" + string(d), "corp/app/blobs/" + string(blob)}
	strangers := func() {
		t.Helper()
		for _, p := range append(paths, "HEAD corp/app/manifests/1", "HEAD corp/app/blobs/"+string(blob),
			"bobs/app/blobs/"+string(blob), "bobs/app/manifests/"+string(d)) {
			for _, l := range []upstream.Login{nobody, bob, {Username: "ann", Password: "wrong"}, {Bearer: "ann"}} {
				h.refuses(l, p)
			}
		}
	}
	strangers() // cold
	h.gets(ann, paths[0], im.blobs[d])
	h.gets(ann, paths[1], im.blobs[d])
	h.gets(ann, paths[2], layer("secret"))
	strangers() // stored
	h.main.asked()
	for _, p := range paths {
		h.gets(ann, p, map[bool]string{true: layer("secret"), false: im.blobs[d]}[strings.Contains(p, "blobs")])
	}
	h.wantsAsked(h.main)
	// Upstream is asked again after a while, and withdraws.
	h.advance(allowedFor + time.Second)
	h.main.set(func() { im.users["ann"] = "changed" })
	for _, p := range paths {
		h.refuses(ann, p)
	}
	h.main.set(func() { im.users["ann"] = "a" })
	h.advance(allowedFor)
	h.gets(ann, paths[2], layer("secret"))
	// While upstream is away ann's last yes counts for a time, and nobody else's.
	h.main.set(func() { h.main.fail = 503 })
	h.advance(allowedFor + time.Second)
	h.gets(ann, paths[2], layer("secret"))
	h.gets(ann, paths[0], im.blobs[d])
	for _, l := range []upstream.Login{nobody, bob, ann} {
		if l == ann {
			h.advance(allowedStale)
		}
		if a, err := h.pull(l, paths[2]); err == nil {
			a.Close()
			t.Errorf("%s got it while upstream is away", l.Username)
		}
	}
}

// TestPrivateInFlight: who joins another's fetch proves its own right first.
func TestPrivateInFlight(t *testing.T) {
	ann := upstream.Login{Username: "ann", Password: "a"}
	h := newHub(t, nil)
	im := h.main.image("corp/app")
	im.users = map[string]string{"ann": "a"}
	path := "corp/app/blobs/" + string(im.add(layer("secret")))
	slow := make(chan struct{})
	h.main.set(func() { h.main.slow = slow })
	a, err := h.pull(ann, path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	h.refuses(nobody, path)
	joined := h.mustPull(ann, path)
	defer joined.Close()
	close(slow)
	for _, c := range []*Answer{a, joined} {
		if got, err := io.ReadAll(c); err != nil || string(got) != layer("secret") {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	asked := path[:len("corp/app/blobs/sha256:")+4]
	h.wantsAsked(h.main, "GET "+asked+" 401", "GET "+asked+" 200", "HEAD "+asked+" 401")
}

func (h *hub) mustPull(l upstream.Login, path string) *Answer {
	h.t.Helper()
	a, err := h.pull(l, path)
	if err != nil {
		h.t.Fatalf("%s: %v", path, err)
	}
	return a
}

// TestShared: what the operator shares is fetched with the operator's login, for
// whoever asks, and nobody's own goes out for it.
func TestShared(t *testing.T) {
	h := newHub(t, func(h *hub) { h.shared = func(repository string) bool { return repository == "corp/app" } })
	for _, name := range []string{"corp/app", "corp/hidden"} {
		im := h.main.image(name)
		im.users = map[string]string{"operator": "own"}
		im.push("1", "x")
	}
	im := h.main.image("corp/app")
	for _, l := range []upstream.Login{nobody, {Username: "ann", Password: "bad"}} {
		h.gets(l, "corp/app/manifests/1", im.blobs[im.tags["1"]])
		h.refuses(l, "corp/hidden/manifests/1")
		h.refuses(l, "corp/hidden/manifests/"+string(im.tags["1"]))
	}
}
