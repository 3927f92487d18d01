package mirror

import (
	"errors"
	"slices"
	"testing"

	"mirrord/internal/upstream"
)

// shelf is a hub from which a client has pulled two tags of an image and another one.
func shelf(t *testing.T) *hub {
	h := newHub(t, nil)
	for repository, tags := range map[string][]string{"library/alpine": {"3", "4"}, "library/alpine-slim": {"3"}} {
		for _, tag := range tags {
			im := h.main.image(repository)
			layer := repository + tag
			d := im.push(tag, layer)
			h.gets(upstream.Login{}, repository+"/manifests/"+tag, im.blobs[d])
			h.gets(upstream.Login{}, repository+"/blobs/"+string(im.add(layer)), layer)
		}
	}
	h.main.asked()
	return h
}

func TestPurgeImage(t *testing.T) {
	for _, c := range []struct {
		name    string
		what    Selector
		matched int
	}{
		{"tag", Selector{Repo: "docker.io", Tag: "library/alpine:3"}, 1},
		{"path of a tag", Selector{Repo: "docker.io", Path: "library/alpine:3"}, 1},
		{"path of the API", Selector{Repo: "docker.io", Path: "library/alpine/manifests/3"}, 1},
		{"repository", Selector{Repo: "docker.io", Path: "library/alpine"}, 4},
		{"prefix", Selector{Repo: "docker.io", Prefix: "library/alpine"}, 6},
		{"registry", Selector{Repo: "docker.io"}, 6},
		{"another", Selector{Repo: "other"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := shelf(t)
			got, err := h.m.Purge(t.Context(), c.what, PurgeOptions{})
			if err != nil || got.Matched != c.matched {
				t.Fatalf("Purge = %+v, %v, expected %d", got, err, c.matched)
			}
			im := h.main.image("library/alpine")
			h.gets(upstream.Login{}, "library/alpine/manifests/3", im.blobs[im.tags["3"]])
			asked := slices.Contains(h.main.asked(), "GET library/alpine/manifests/3 200")
			if want := c.matched > 0; asked != want {
				t.Errorf("upstream was asked for the manifest: %v, expected %v", asked, want)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	h := shelf(t)
	d := h.main.image("library/alpine").tags["3"]
	for url, want := range map[string]Selector{
		"/v2/library/alpine/manifests/3":            {Repo: "docker.io", Path: "library/alpine:3"},
		"/v2/alpine/manifests/3":                    {Repo: "docker.io", Path: "library/alpine:3"},
		"/v2/other/team/app/manifests/1":            {Repo: "other", Path: "team/app:1"},
		"/v2/library/alpine/blobs/" + string(d):     {Repo: "docker.io", Path: "library/alpine@" + string(d)},
		"/v2/library/alpine/manifests/" + string(d): {Repo: "docker.io", Path: "library/alpine@" + string(d)},
		"/debian/pool/main/a%2Bb/a_1.deb":           {Repo: "debian", Path: "pool/main/a+b/a_1.deb"},
		"/debian//pool/./x":                         {Repo: "debian", Path: "pool/x"},
	} {
		if got, err := h.m.Locate(url, ""); err != nil || got != want {
			t.Errorf("Locate(%q) = %+v, %v, expected %+v", url, got, err, want)
		}
	}
	for _, url := range []string{"/", "/debian", "/debian/../x", "/v2/", "/v2/a/tags/list", "/v2/_catalog", "*", ""} {
		if got, err := h.m.Locate(url, ""); !errors.Is(err, ErrSelector) {
			t.Errorf("Locate(%q) = %+v, %v, expected ErrSelector", url, got, err)
		}
	}
}

func TestRefreshImage(t *testing.T) {
	h := shelf(t)
	im := h.main.image("library/alpine")
	old := im.tags["3"]
	if got := h.refresh("docker.io", "library/alpine:3"); got.Outcome != Unchanged || got.Digest != old {
		t.Errorf("%+v, expected it unchanged", got)
	}
	if got := h.main.asked(); !slices.Equal(got, []string{"HEAD library/alpine/manifests/3 200"}) {
		t.Errorf("upstream was asked for %q", got)
	}
	young := im.push("3", "newer")
	if got := h.refresh("docker.io", "library/alpine/manifests/3"); got.Outcome != Changed || got.Digest != young {
		t.Errorf("%+v, expected it changed to %s", got, young)
	}
	layer := im.add("library/alpine4")
	if got := h.refresh("docker.io", "library/alpine@"+string(layer)); got.Outcome != Unchanged {
		t.Errorf("%+v, expected it unchanged", got)
	}
	h.rot("library/alpine4")
	if got := h.refresh("docker.io", "library/alpine@"+string(layer)); got.Outcome != Healed {
		t.Errorf("%+v, expected it healed", got)
	}
	if got := h.refresh("docker.io", "library/alpine:9"); got.Outcome != GoneAway {
		t.Errorf("%+v, expected it gone", got)
	}
	h.main.set(func() { h.main.fail = 500 })
	if got := h.refresh("docker.io", "library/alpine:3"); got.Outcome != Failed || got.Error == "" {
		t.Errorf("%+v, expected a failure", got)
	}
}

func TestExplainImage(t *testing.T) {
	h := shelf(t)
	d := h.main.image("library/alpine").tags["3"]
	for path, want := range map[string][2]string{
		"library/alpine:3":                  {"tag", "hit"},
		"library/alpine/manifests/3":        {"tag", "hit"},
		"library/alpine@" + string(d):       {"object", "hit"},
		"library/alpine/blobs/" + string(d): {"object", "hit"},
		"library/alpine:none":               {"tag", "miss"},
	} {
		e, err := h.m.Explain(t.Context(), "docker.io", path)
		if err != nil || e.Class != want[0] || e.Would != want[1] {
			t.Errorf("%s: %+v, %v, expected %q", path, e, err, want)
		}
	}
}
