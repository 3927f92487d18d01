package oci_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// suite is the conformance tests of the people who wrote the specification.
const suite = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"

// outcome is a line of the suite's tree of results.
var outcome = regexp.MustCompile(`(?m)^ *OCI Conformance Test/(\S.*): (Pass|FAIL|Error|Skip|Disabled)$`)

// TestConformance runs all of the suite that a registry without pushes can pass.
func TestConformance(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	upstream := rig.StartRegistry(t, rig.RegistryAuth{})
	im := upstream.PushImage("conformance/app", "1", 1)
	upstream.PushArtifact(im, "application/vnd.test.signature", []byte("signed"))
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: %s, type: oci, upstreams: [%q], default: true}\n", open, upstream.URL)})
	out := runSuite(t, m, im)
	var passed, failed []string
	for _, line := range outcome.FindAllStringSubmatch(out, -1) {
		switch line[2] {
		case "Pass":
			passed = append(passed, line[1])
		case "FAIL", "Error":
			failed = append(failed, line[1])
		}
	}
	if len(failed) > 0 {
		t.Errorf("conformance: %q failed", failed)
	}
	for _, name := range []string{
		"ping", "empty/tag list", "empty/referrers",
		"read-only/head/manifest-head-by-tag", "read-only/head/manifest-head-by-digest", "read-only/head/blob-head",
		"read-only/pull/manifest-by-tag", "read-only/pull/manifest-by-digest", "read-only/pull/blob-get",
		"read-only/referrers", "read-only/tag-list",
		"missing-manifest/by-digest", "missing-manifest/by-tag", "invalid-digest-format/manifest-get",
	} {
		if !slices.Contains(passed, name) {
			t.Errorf("conformance: %s is not among those that passed", name)
		}
	}
	if t.Failed() {
		tree, _, _ := strings.Cut(out, "\nConfiguration:")
		t.Log(tree)
	}
	// Without pushes the suite looks for this field in an answer that it did not keep.
	for _, digest := range []string{im.Digest, im.Platforms[native].Digest} {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			r := rig.Do(http.DefaultClient, method, m.URL("v2/conformance/app/manifests", digest))
			if got := r.Header.Get("Docker-Content-Digest"); r.Status != http.StatusOK || got != digest {
				t.Errorf("%s: %s, Docker-Content-Digest %q, want %s", method, r.How(), got, digest)
			}
		}
	}
	m.Fsck(t)
}

// runSuite gives the suite's output. Its exit code tells nothing: without pushes it
// panics when it has printed its results.
func runSuite(t *testing.T, m *rig.Mirrord, im *rig.Image) string {
	t.Helper()
	p := im.Platforms[native]
	cmd := exec.CommandContext(t.Context(), rig.InstallTool(t, suite))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "OCI_REGISTRY="+m.Addr(), "OCI_TLS=disabled", "OCI_REPO1=conformance/app", "OCI_VERSION=1.1",
		"OCI_API_PUSH=false", "OCI_API_BLOBS_DELETE=false", "OCI_API_MANIFESTS_DELETE=false", "OCI_API_TAGS_DELETE=false",
		"OCI_API_BLOBS_DIGEST_HEADER=true",
		"OCI_RO_DATA_TAGS=1", "OCI_RO_DATA_MANIFESTS="+im.Digest+" "+p.Digest,
		"OCI_RO_DATA_BLOBS="+strings.Join(p.Blobs, " "), "OCI_RO_DATA_REFERRERS="+im.Digest)
	out, _ := cmd.CombinedOutput()
	if !strings.Contains(string(out), "\nOCI Conformance Result:") {
		t.Fatalf("the suite printed no results:\n%s", out)
	}
	return string(out)
}
