package oci_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// The registries, by what mirrord's configuration calls them.
const (
	open  = "docker.io" // the default; everybody may read
	basic = "basic.test"
	token = "token.test"
)

// grants of token.test. Those with a password may also read all of basic.test.
var grants = map[string]rig.Grant{
	"":      {Repositories: []string{"public/*"}},
	"alice": {Password: "alice's", Repositories: []string{"team/*"}},
	"bob":   {Password: "bob's", Repositories: []string{"other/*"}},
}

// yard is three registries and a mirrord before them.
type yard struct {
	t          *testing.T
	registries map[string]*rig.Registry
	tokens     *rig.TokenServer
	m          *rig.Mirrord
	tap        *tap
}

// newYard starts the registries, and mirrord when fill has put images there. Of
// those that want a password mirrord has alice's and shares all with everybody, or
// (login) has none and clients bring theirs.
func newYard(t *testing.T, login bool, fill func(*yard)) *yard {
	t.Helper()
	y := &yard{t: t, tokens: rig.StartTokenServer(t, grants)}
	y.registries = map[string]*rig.Registry{
		open:  rig.StartRegistry(t, rig.RegistryAuth{}),
		basic: rig.StartRegistry(t, rig.RegistryAuth{Users: map[string]string{"alice": grants["alice"].Password}}),
		token: rig.StartRegistry(t, rig.RegistryAuth{Tokens: y.tokens}),
	}
	fill(y)
	for _, r := range y.registries {
		r.Reset()
	}
	private := "login: true"
	if !login {
		private = fmt.Sprintf("share: [\"**\"], docker_config: %q", y.ownConfig())
	}
	y.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf(`- {name: %s, type: oci, upstreams: [%q], default: true}
- {name: %s, type: oci, upstreams: [%q], %s}
- {name: %s, type: oci, upstreams: [%q], realms: [%q], %s}
`, open, y.registries[open].URL, basic, y.registries[basic].URL, private, token, y.registries[token].URL, y.tokens.Host, private)})
	y.tap = newTap(t, strings.TrimSuffix(y.m.URL(), "/"))
	return y
}

// ownConfig is alice's docker config.json, made for mirrord.
func (y *yard) ownConfig() (file string) {
	auths := map[string]any{}
	for _, name := range []string{basic, token} {
		auths[y.registries[name].Host] = map[string]string{
			"auth": base64.StdEncoding.EncodeToString([]byte("alice:" + grants["alice"].Password)),
		}
	}
	file = filepath.Join(y.t.TempDir(), "own.json")
	writeJSON(y.t, file, map[string]any{"auths": auths})
	return file
}

// stop ends all registries.
func (y *yard) stop() {
	for _, r := range y.registries {
		r.Stop()
	}
}

// pull has a client pull, and fails the test unless it holds the image then and
// got its blobs through mirrord. (docker keeps manifests when their image goes.)
func (y *yard) pull(t *testing.T, c client, r ref, im *rig.Image) {
	t.Helper()
	y.tap.take()
	if err := c.pull(t, r, im); err != nil {
		t.Fatalf("%v\nmirrord was asked %v", err, y.tap.take())
	}
	calls := y.tap.take()
	got := strings.Join(gave(calls), " ")
	for _, digest := range im.Platforms[native].Blobs {
		if !strings.Contains(got, digest) {
			t.Errorf("%s did not get %s from mirrord: %v", c.name, digest, calls)
		}
	}
	if c.name == "containerd" && !strings.Contains(calls[0].uri, "?ns="+r.registry) {
		t.Errorf("containerd asked %s, want ns=%s", calls[0].uri, r.registry)
	}
}
