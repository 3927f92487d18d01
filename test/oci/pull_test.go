package oci_test

import (
	"maps"
	"testing"

	"mirrord/test/rig"
)

// names are those of clients, each of which has images of its own in TestPull.
var names = []string{"docker", "containerd", "podman", "skopeo", "crane"}

// repositoryOf is where the images of a client are.
func repositoryOf(registry, client string) string {
	if registry == open {
		return "library/" + client
	}
	return "team/" + client
}

// TestPull has each client pull from each registry: cold, again with nothing at
// hand, and again when all registries are gone. The registries were asked for each
// object of the client's platform once, and for nothing else; what all images have
// in common came once in all.
func TestPull(t *testing.T) {
	if !enginesRun(t) {
		return
	}
	images := map[string]map[string]*rig.Image{} // by registry and client
	y := newYard(t, false, func(y *yard) {
		seed := uint64(0)
		for name, r := range y.registries {
			images[name] = map[string]*rig.Image{}
			for i, client := range names {
				seed++
				push := r.PushImage
				if i%2 == 0 {
					push = r.PushDockerImage
				}
				images[name][client] = push(repositoryOf(name, client), "1", seed)
			}
		}
	})
	all := clients(t, y.tap.addr)
	for _, round := range []string{"cold", "again", "registries gone"} {
		if round == "registries gone" {
			y.stop()
		}
		for name := range y.registries {
			for _, c := range all {
				t.Run(round+"/"+name+"/"+c.name, func(t *testing.T) {
					y.pull(t, c, ref{registry: name, repository: repositoryOf(name, c.name), tag: "1"}, images[name][c.name])
				})
			}
		}
	}
	y.onceEach(images)
	y.tokenEach()
	y.m.Fsck(t)
}

// onceEach holds what the registries gave against the images.
func (y *yard) onceEach(images map[string]map[string]*rig.Image) {
	y.t.Helper()
	common := images[open][names[0]].Platforms[native].Blobs[1]
	commons := 0
	for name, r := range y.registries {
		want, got := map[string]int{}, rig.Given(r.Hits())
		for _, im := range images[name] {
			p := im.Platforms[native]
			want[im.Repository+"/manifests/1"] = 1
			want[im.Repository+"/manifests/"+p.Digest] = 1
			for _, digest := range p.Blobs {
				want[im.Repository+"/blobs/"+digest] = 1
			}
			layer := im.Repository + "/blobs/" + common
			commons += got[layer]
			delete(want, layer)
			delete(got, layer)
		}
		if !maps.Equal(got, want) {
			y.t.Errorf("%s gave\n%v, want\n%v", name, got, want)
		}
	}
	if commons != 1 {
		y.t.Errorf("the layer that all images have was fetched %d times, want once", commons)
	}
}

// tokenEach: one exchange a repository, in mirrord's own name.
func (y *yard) tokenEach() {
	y.t.Helper()
	scopes := map[string]int{}
	for _, e := range y.tokens.Exchanges() {
		scopes[e.Scope]++
		if e.User != "alice" || e.Status != 200 {
			y.t.Errorf("exchange %+v, want alice's", e)
		}
	}
	want := map[string]int{}
	for _, client := range names {
		want["repository:"+repositoryOf(token, client)+":pull"] = 1
	}
	if !maps.Equal(scopes, want) {
		y.t.Errorf("tokens asked for: %v, want %v", scopes, want)
	}
}
