package campaign

import (
	"fmt"
	"slices"
	"strings"

	"mirrord/internal/digest"
	"mirrord/internal/faulty"
	"mirrord/internal/repo/oci"
	"mirrord/test/rig"
)

// team is the one repository of the registry "hub", below mirrord and, as mirrord asks
// for it, below upstream. tags is what the paths of its tags begin with, before the
// tag: "v1" and so on, which no digest does.
const (
	team = "v2/hub/team/app/"
	tags = team + "manifests/v"
)

// hub is the line of its registry; urls are a list in YAML.
func hub(urls string) string {
	return "- {name: hub, type: oci, fresh: 0s, share: [\"**\"], upstreams: " + urls + "}"
}

// image gives the files of an image, by path below mirrord, and the paths in the
// order in which a client asks for them: the tag, the config, a layer of each size.
func image(tag string, seed uint64, sizes ...int) (files map[string][]byte, paths []string) {
	manifest, blobs := rig.SmallImage(seed, sizes...)
	files = map[string][]byte{tags + tag: manifest, byDigest(manifest): manifest}
	paths = []string{tags + tag}
	for _, b := range blobs {
		p := team + "blobs/" + string(digest.Of(b))
		files[p], paths = b, append(paths, p)
	}
	return files, paths
}

// byDigest is the path of a manifest.
func byDigest(manifest []byte) string { return team + "manifests/" + string(digest.Of(manifest)) }

// labels are what an upstream says of a file beside its bytes.
func labels(path string, data []byte) []faulty.Option {
	if !strings.HasPrefix(path, team+"manifests/") {
		return nil
	}
	return []faulty.Option{faulty.Type(oci.TypeManifest), faulty.Field("Docker-Content-Digest", string(digest.Of(data)))}
}

// mislabels says what is wrong with what an answer says of a manifest beside its bytes:
// clients take the digest of a tag from there.
func mislabels(r rig.Reply, path string, manifest []byte) error {
	if !strings.HasPrefix(path, team+"manifests/") {
		return nil
	}
	d, kind := r.Header.Get("Docker-Content-Digest"), r.Header.Get("Content-Type")
	if want := string(digest.Of(manifest)); d != want || kind != oci.TypeManifest {
		return fmt.Errorf("Docker-Content-Digest %q, type %q, expected %q, %q", d, kind, want, oci.TypeManifest)
	}
	return nil
}

// entry is the name by which the store finds what is at a path; "" where it goes by
// the digest that an index or a manifest names.
func entry(path string) string {
	switch tag, ok := strings.CutPrefix(path, tags); {
	case ok:
		return "hub/team/app:v" + tag
	case strings.HasPrefix(path, "files/"):
		return path
	}
	return ""
}

// image publishes an image, which the tag leads to from now on, and gives the paths
// in the order in which a client asks for them.
func (w *witness) image(tag string, seed uint64, sizes ...int) []string {
	files, paths := image(tag, seed, sizes...)
	for _, p := range slices.Concat(paths[1:], []string{byDigest(files[paths[0]]), paths[0]}) { // the tag last, as a push does
		w.publish(p, files[p])
	}
	return paths
}
