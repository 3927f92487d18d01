package oci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"mirrord/test/rig"
)

// TestListsThroughClients: skopeo and crane list tags, and what refers to an image
// is found, by a registry that has no API for it too.
func TestListsThroughClients(t *testing.T) {
	if !enginesRun(t) {
		return
	}
	var im *rig.Image
	artifacts := map[string]string{} // type to digest
	y := newYard(t, false, func(y *yard) {
		im = y.registries[token].PushImage(secret, "1", 1)
		y.registries[token].PushImage(secret, "2", 2)
		for _, kind := range []string{"application/vnd.test.signature", "application/vnd.test.sbom"} {
			artifacts[kind] = y.registries[token].PushArtifact(im, kind, []byte(kind))
		}
	})
	at := y.tap.addr + "/" + token + "/" + secret
	for _, command := range [][]string{
		{rig.InstallTool(t, crane), "ls", "--insecure", at},
		{"skopeo", "list-tags", "--tls-verify=false", "docker://" + at},
	} {
		out, err := tool(t, nil, command[0], command[1:]...)
		words := strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune("\n\t \",", r) })
		if err != nil || !slices.Contains(words, "1") || !slices.Contains(words, "2") {
			t.Errorf("%v: %v, %s; want tags 1 and 2", command, err, out)
		}
	}
	for kind, digest := range artifacts {
		if got := referrers(t, at+"@"+im.Digest, kind); !slices.Equal(got, []string{digest}) {
			t.Errorf("referrers of type %s: %v, want %s", kind, got, digest)
		}
	}
	if got := referrers(t, at+"@"+im.Digest, ""); len(got) != len(artifacts) {
		t.Errorf("referrers: %v, want %v", got, artifacts)
	}
	if got := referrers(t, at+"@"+im.Platforms[native].Digest, ""); len(got) != 0 {
		t.Errorf("referrers of what has none: %v", got)
	}
}

// referrers asks the API alone: no tag in its place.
func referrers(t *testing.T, image, kind string) (digests []string) {
	t.Helper()
	ref, err := name.NewDigest(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	options := []remote.Option{remote.WithContext(t.Context()), remote.WithReferrersTagFallback(false)}
	if kind != "" {
		options = append(options, remote.WithFilter("artifactType", kind))
	}
	index, err := remote.Referrers(ref, options...)
	if err != nil {
		t.Fatal(fmt.Errorf("referrers of %s: %w", image, err))
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		digests = append(digests, d.Digest.String())
	}
	return digests
}
