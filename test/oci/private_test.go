package oci_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"testing"

	"mirrord/test/rig"
)

// secret is the repository that only alice may read.
const secret = "team/app"

// TestOwnCredentials: with credentials of their own clients get what these allow,
// from the store as well as cold, and nobody gets what another's brought.
func TestOwnCredentials(t *testing.T) {
	if !enginesRun(t) {
		return
	}
	images := map[string]*rig.Image{}
	var public, bobs *rig.Image
	y := newYard(t, true, func(y *yard) {
		images[basic] = y.registries[basic].PushImage(secret, "1", 1)
		images[token] = y.registries[token].PushDockerImage(secret, "1", 2)
		public = y.registries[token].PushImage("public/app", "1", 3)
		bobs = y.registries[token].PushImage("other/app", "1", 4)
	})
	all := clients(t, y.tap.addr)
	for _, name := range []string{basic, token} {
		alice := ref{name, secret, "1", "alice", grants["alice"].Password}
		for _, c := range all {
			t.Run("alice/"+name+"/"+c.name, func(t *testing.T) { y.pull(t, c, alice, images[name]) })
		}
		for who, r := range strangers(name) {
			for _, c := range all {
				if c.name == "podman" && r.user != "" {
					continue // it tries again for 3 s each time
				}
				t.Run(who+"/"+name+"/"+c.name, func(t *testing.T) { y.refused(t, c, r, images[name]) })
			}
			y.closed(t, who, r, whole(images[name]), http.StatusUnauthorized, http.StatusForbidden)
		}
	}
	for _, c := range all {
		t.Run("public/"+c.name, func(t *testing.T) {
			y.pull(t, c, ref{registry: token, repository: "public/app", tag: "1"}, public)
		})
	}
	crane := all[len(all)-1]
	bob := ref{token, "other/app", "1", "bob", grants["bob"].Password}
	y.pull(t, crane, bob, bobs)
	y.closed(t, "bob by his own repository", bob, secrets(images[token]), http.StatusNotFound)
	y.closed(t, "nobody by a public repository", ref{registry: token, repository: "public/app"}, secrets(images[token]), http.StatusNotFound)
	y.closed(t, "nobody by another registry", ref{registry: open, repository: "library/app"}, secrets(images[token]), http.StatusNotFound)
	y.stop()
	for _, name := range []string{basic, token} {
		y.given(name, images[name])
		for who, r := range strangers(name) {
			y.closed(t, who+" with the registry gone", r, whole(images[name]),
				http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable, http.StatusBadGateway)
		}
		t.Run("gone/"+name, func(t *testing.T) {
			y.pull(t, all[0], ref{name, secret, "1", "alice", grants["alice"].Password}, images[name])
		})
	}
	y.m.Fsck(t)
}

// strangers may not read the secret.
func strangers(registry string) map[string]ref {
	who := map[string]ref{
		"nobody":         {registry: registry, repository: secret, tag: "1"},
		"wrong password": {registry, secret, "1", "alice", "bob's"},
		"unknown":        {registry, secret, "1", "mallory", "m"},
	}
	if registry == token {
		who["bob"] = ref{registry, secret, "1", "bob", grants["bob"].Password}
	}
	return who
}

// refused fails the test unless the client ends with an error and was given nothing.
func (y *yard) refused(t *testing.T, c client, r ref, im *rig.Image) {
	t.Helper()
	y.tap.take()
	err := c.pull(t, r, im)
	calls := y.tap.take()
	if got := gave(calls); err == nil || len(got) > 0 {
		t.Errorf("%s of %q: error %v, got %v; want an error and nothing", c.name, r.user, err, got)
	}
	if len(calls) == 0 {
		t.Errorf("%s did not ask mirrord: %v", c.name, err)
	}
}

// whole are the paths of an image, below its repository.
func whole(im *rig.Image) []string {
	return append(secrets(im), "manifests/1")
}

// secrets are those of them that names what no other image has.
func secrets(im *rig.Image) []string {
	p := im.Platforms[native]
	return []string{
		"manifests/" + im.Digest, "manifests/" + p.Digest, "blobs/" + p.Config, "blobs/" + p.Blobs[2], "blobs/" + p.Blobs[3],
	}
}

// closed asks for the paths of a repository with Basic credentials, without a real
// client's manners, by HEAD and GET and in part.
func (y *yard) closed(t *testing.T, who string, r ref, paths []string, statuses ...int) {
	t.Helper()
	var auth []string
	if r.user != "" {
		auth = []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(r.user+":"+r.password))}
	}
	client := rig.NewClient(true)
	defer client.CloseIdleConnections()
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, part := range [][]string{nil, {"Range", "bytes=0-99"}} {
				got := rig.Do(client, method, y.m.URL("v2", r.registry, r.repository, path), append(part, auth...)...)
				y.judge(t, who+": "+method+" "+path, got, statuses)
			}
		}
	}
}

// judge takes one of the statuses, with no more than a short error.
func (y *yard) judge(t *testing.T, what string, got rig.Reply, statuses []int) {
	t.Helper()
	for _, status := range statuses {
		if got.Err == nil && got.Status == status && (len(got.Body) == 0 || bytes.HasPrefix(got.Body, []byte(`{"errors":`))) {
			return
		}
	}
	t.Errorf("%s: %s, want one of %v and the error\n%.200q", what, got.How(), statuses, got.Body)
}

// given: alice's pulls brought each object of the image at most once.
func (y *yard) given(name string, im *rig.Image) {
	y.t.Helper()
	got := rig.Given(y.registries[name].Hits())
	p := im.Platforms[native]
	for _, path := range []string{"manifests/1", "manifests/" + p.Digest, "blobs/" + p.Blobs[0], "blobs/" + p.Blobs[2], "blobs/" + p.Blobs[3]} {
		if n := got[im.Repository+"/"+path]; n != 1 {
			y.t.Errorf("%s gave %s/%s %d times, want once", name, im.Repository, path, n)
		}
	}
}
