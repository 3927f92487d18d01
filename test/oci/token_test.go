package oci_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestTokenEndsMidPull: mirrord logs in with an identity token. What it was given
// for that ends in the midst of a pull, long before it said so, and the pull goes on.
func TestTokenEndsMidPull(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	tokens := rig.StartTokenServer(t, grants)
	upstream := rig.StartRegistry(t, rig.RegistryAuth{Tokens: tokens})
	im := upstream.PushImage(secret, "1", 1)
	upstream.Reset()
	own := filepath.Join(t.TempDir(), "own.json")
	writeJSON(t, own, map[string]any{"auths": map[string]any{
		upstream.Host: map[string]string{"identitytoken": tokens.IdentityToken("alice")},
	}})
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: %s, type: oci, upstreams: [%q], realms: [%q], docker_config: %q, share: [\"team/*\"]}\n",
		token, upstream.URL, tokens.Host, own)})
	get := func(path string) {
		t.Helper()
		r := rig.Get(m.URL("v2", token, secret, path))
		if digest := digestOf(r.Body); r.Err != nil || r.Status != 200 || filepath.Base(path) != digest {
			t.Errorf("%s: %s, want it", path, r.How())
		}
	}
	p := im.Platforms[native]
	tokens.Lifetime(2 * time.Second) // a JWT counts in seconds
	get("manifests/" + im.Digest)
	get("manifests/" + p.Digest)
	time.Sleep(3 * time.Second)
	tokens.Lifetime(time.Minute)
	for _, digest := range p.Blobs {
		get("blobs/" + digest)
	}
	refusals := 0
	for _, h := range upstream.Hits() {
		if h.Status == 401 {
			refusals++
		}
	}
	// One of who has no token yet, one of the token that had ended; more of them
	// where the machine was too slow for the first two questions.
	got := tokens.Exchanges()
	if len(got) < 2 || len(got) != refusals {
		t.Errorf("%d refusals led to %d exchanges, want 2 and 2", refusals, len(got))
	}
	for _, e := range got {
		if want := (rig.Exchange{Method: "POST", User: "alice", Scope: "repository:" + secret + ":pull", Status: 200}); e != want {
			t.Errorf("exchange %v, want %v", e, want)
		}
	}
	m.Fsck(t)
}
