package oci_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"mirrord/test/rig"
)

const (
	nodes = 50
	// blobs of the set, besides its config.
	blobs = 320
	// streams a node: what container engines take at once.
	streams = 4
)

// TestHerd is a cluster whose nodes all start the same thing at once: each pulls
// the same set of blobs, in an order of its own, and all get the right bytes for
// one request each upstream.
func TestHerd(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	upstream := rig.StartRegistry(t, rig.RegistryAuth{})
	layers := make([][]byte, blobs)
	for i := range layers {
		layers[i] = rig.Content(uint64(i), 16<<10+i*48<<10/blobs)
	}
	data := upstream.PushBlobs("library/set", "1", layers)
	upstream.Reset()
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: %s, type: oci, upstreams: [%q], default: true}\n", open, upstream.URL)})
	var wg sync.WaitGroup
	for range nodes {
		wg.Go(func() {
			if err := pullSet(m, data); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := rig.Given(upstream.Hits())
	for digest := range data {
		if n := got["library/set/blobs/"+digest]; n != 1 {
			t.Errorf("upstream gave %s %d times, want once", digest, n)
		}
	}
	if len(got) != len(data)+2 || got["library/set/manifests/1"] != 1 { // the config is the other one
		t.Errorf("upstream gave %d objects and the manifest %d times, want %d and once", len(got), got["library/set/manifests/1"], len(data)+2)
	}
	m.Fsck(t)
}

// pullSet is one node.
func pullSet(m *rig.Mirrord, data map[string][]byte) error {
	client := rig.NewClient(true)
	defer client.CloseIdleConnections()
	r := rig.Do(client, "GET", m.URL("v2/set/manifests/1"), "Accept", "application/vnd.oci.image.manifest.v1+json")
	type descriptor struct{ Digest string }
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	if err := json.Unmarshal(r.Body, &manifest); err != nil || r.Status != 200 {
		return fmt.Errorf("manifest: %s: %w", r.How(), err)
	}
	if len(manifest.Layers) != len(data) {
		return fmt.Errorf("manifest of %d layers, want %d", len(manifest.Layers), len(data))
	}
	digests := make(chan string, blobs+1)
	digests <- manifest.Config.Digest
	for _, i := range rand.Perm(len(manifest.Layers)) {
		digests <- manifest.Layers[i].Digest
	}
	close(digests)
	var wg sync.WaitGroup
	wrong := make(chan string, blobs+1)
	for range streams {
		wg.Go(func() {
			for digest := range digests {
				r := rig.Do(client, "GET", m.URL("v2/set/blobs", digest))
				if r.Err != nil || r.Status != 200 || digestOf(r.Body) != digest {
					wrong <- digest + ": " + r.How()
				}
			}
		})
	}
	wg.Wait()
	close(wrong)
	var all []string
	for w := range wrong {
		all = append(all, w)
	}
	if len(all) > 0 {
		return fmt.Errorf("%d wrong blobs:\n%s", len(all), strings.Join(all, "\n"))
	}
	return nil
}
