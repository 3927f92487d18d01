package moving_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

const native = "linux/" + runtime.GOARCH

func registryRuns(t *testing.T) bool {
	if runtime.GOOS == "linux" {
		return true
	}
	fmt.Printf("DIDNOTRUN: %s: docker-registry is Debian's\n", t.Name())
	return false
}

// skopeo runs it, cut off from all but loopback, and from the machine's credentials.
func skopeo(t *testing.T, args ...string) (string, error) {
	t.Helper()
	auth := filepath.Join(t.TempDir(), "auth.json")
	writeFile(t, auth, `{"auths":{}}`)
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--insecure-policy", "--override-arch", runtime.GOARCH}, args...)...)
	cmd.Env = append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1", "REGISTRY_AUTH_FILE="+auth)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// pulls has skopeo pull an image of this machine's platform and compares its blobs.
func pulls(t *testing.T, m *rig.Mirrord, registry string, im *rig.Image, ref string) error {
	t.Helper()
	return copies(t, "docker://"+m.Addr()+"/"+registry+"/"+im.Repository+ref, im)
}

// copies has skopeo copy the image from wherever it is.
func copies(t *testing.T, from string, im *rig.Image) error {
	t.Helper()
	to := t.TempDir()
	if out, err := skopeo(t, "copy", "--src-tls-verify=false", from, "dir:"+to); err != nil {
		return fmt.Errorf("skopeo copy %s: %w\n%s", from, err, out)
	}
	for _, d := range im.Platforms[native].Blobs {
		data, err := os.ReadFile(filepath.Join(to, strings.TrimPrefix(d, "sha256:")))
		if err != nil || "sha256:"+rig.Sum(data) != d {
			return fmt.Errorf("%s: the blob %s is %d bytes, %v", from, d, len(data), err)
		}
	}
	return nil
}

// kept waits until the registry has the blob on disk: as a proxy it stores what it gave
// a little later.
func kept(t *testing.T, reg *rig.Registry, repository, digest string) {
	t.Helper()
	link := filepath.Join(reg.Data, "docker/registry/v2/repositories", repository, "_layers", strings.Replace(digest, ":", "/", 1), "link")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(link); err == nil && string(text) == digest {
			return
		}
	}
	t.Fatalf("docker-registry does not keep %s of %s", digest, repository)
}

// registry is the configuration of one.
func registry(name, url string) string {
	return fmt.Sprintf("- {name: %s, type: oci, fresh: 1h, upstreams: [%q]}\n", name, url)
}

// TestDockerRegistry: what a docker-registry has, its own and as a proxy, is pulled
// from a mirrord that took it over. Nobody gets to read more by that.
func TestDockerRegistry(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	own := rig.StartRegistry(t, rig.RegistryAuth{})
	images := []*rig.Image{own.PushImage("library/alpine", "3", 1), own.PushDockerImage("team/app", "v1", 2), own.PushImage("team/app/tool", "v1.0_x", 3)}
	proxy := rig.StartRegistryProxy(t, own)
	for _, im := range images {
		if err := copies(t, "docker://"+proxy.Host+"/"+im.Repository+":"+im.Tag, im); err != nil {
			t.Fatal(err)
		}
	}
	for _, im := range images {
		for _, d := range im.Platforms[native].Blobs {
			kept(t, proxy, im.Repository, d)
		}
	}
	proxy.Stop()
	for name, of := range map[string]*rig.Registry{"own": own, "proxy": proxy} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, of.Data)
			m := idle(t, registry("reg.test", own.URL))
			out := must(t, m, "import", "docker-registry", of.Data)
			if n := sumOf(t, out, "reg.test"); n.taken < 10 || n.linked != 0 || n.wrong != 0 || n.unreadable != 0 {
				t.Errorf("%+v\n%s", n, out)
			}
			if after := snapshot(t, of.Data); after != before {
				t.Error("the registry's files were changed")
			}
			if n := sumOf(t, must(t, m, "import", "docker-registry", of.Data, "--repo", "reg.test"), "reg.test"); n.taken != 0 {
				t.Errorf("a second time: %+v", n)
			}

			m.Restart() // with upstream: no blob is fetched, tags are confirmed
			own.Reset()
			for _, im := range images {
				if err := pulls(t, m, "reg.test", im, ":"+im.Tag); err != nil {
					t.Error(err)
				}
			}
			hits := own.Hits()
			if given := rig.Given(hits); len(given) != 0 {
				t.Errorf("upstream gave %v", given)
			}
			for _, im := range images {
				tag := fmt.Sprintf("v2/%s/manifests/%s", im.Repository, im.Tag)
				if !slices.ContainsFunc(hits, func(h rig.Hit) bool { return h.Method == "HEAD" && h.Path == tag }) {
					t.Errorf("%s was not confirmed", tag)
				}
			}
			m.Fsck(t)

			m = idle(t, registry("reg.test", own.URL)) // and without, for all or nobody
			must(t, m, "import", "docker-registry", of.Data)
			offline(t, m)
			if err := pulls(t, m, "reg.test", images[0], ":3"); err == nil {
				t.Error("an image of which nobody knows who may read it was given to everybody")
			}
			m.Stop()
			must(t, m, "import", "docker-registry", of.Data, "--public")
			m.Restart()
			for _, im := range images {
				for _, ref := range []string{":" + im.Tag, "@" + im.Platforms[native].Digest} {
					if err := pulls(t, m, "reg.test", im, ref); err != nil {
						t.Error(err)
					}
				}
			}
			m.Fsck(t)
		})
	}
}

// TestRegistryPrivacy: a blob is in the repositories that the old registry had it in,
// and in no other, whatever manifests name.
func TestRegistryPrivacy(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	reg := rig.StartRegistry(t, rig.RegistryAuth{})
	secret := reg.PushImage("secret/app", "1", 7)
	open := reg.PushImage("open/app", "1", 8)
	reg.Stop()
	stolen := secret.Platforms[native].Blobs[3]
	// A manifest of open/app that names a blob of secret/app's, as anybody may write one.
	config := open.Platforms[native].Blobs[0]
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": map[string]any{"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
		"layers": []any{map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": stolen, "size": 3}}})
	if err != nil {
		t.Fatal(err)
	}
	sum := rig.Sum(text)
	v2 := filepath.Join(reg.Data, "docker/registry/v2")
	writeFile(t, filepath.Join(v2, "blobs/sha256", sum[:2], sum, "data"), string(text))
	writeFile(t, filepath.Join(v2, "repositories/open/app/_manifests/revisions/sha256", sum, "link"), "sha256:"+sum)
	m := idle(t, registry("reg.test", reg.URL))
	must(t, m, "import", "docker-registry", reg.Data)
	usb := filepath.Join(t.TempDir(), "usb")
	must(t, m, "export", usb)
	m2 := idle(t, registry("reg.test", reg.URL))
	must(t, m2, "import", "export", usb, "--public")
	for _, m := range []*rig.Mirrord{m, m2} {
		offline(t, m)
		for path, want := range map[string]bool{"open/app/blobs/" + open.Platforms[native].Blobs[3]: m == m2, "open/app/blobs/" + stolen: false} {
			if r := rig.Get(m.URL("v2/reg.test", path)); (r.Status == 200) != want {
				t.Errorf("%s: %s", path, r.How())
			}
		}
	}
}

// TestHostileRegistry: what is wrong in a registry's storage is told on a line each,
// and the rest is taken over.
func TestHostileRegistry(t *testing.T) {
	if !registryRuns(t) {
		return
	}
	reg := rig.StartRegistry(t, rig.RegistryAuth{})
	im := reg.PushImage("team/app", "1", 9)
	reg.Stop()
	v2 := filepath.Join(reg.Data, "docker/registry/v2")
	blob := func(d string) string {
		sum := strings.TrimPrefix(d, "sha256:")
		return filepath.Join(v2, "blobs/sha256", sum[:2], sum, "data")
	}
	other := im.Platforms["linux/arm64"]
	if native == "linux/arm64" {
		other = im.Platforms["linux/amd64"]
	}
	rotten, gone := other.Blobs[3], other.Blobs[2]
	if err := os.Truncate(blob(rotten), 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(blob(gone)); err != nil {
		t.Fatal(err)
	}
	none := strings.Repeat("0", 64)
	schema1 := `{"schemaVersion":1,"name":"team/app","fsLayers":[]}`
	app := filepath.Join(v2, "repositories/team/app")
	writeFile(t, filepath.Join(app, "_layers/sha256", none, "link"), im.Digest)
	writeFile(t, filepath.Join(app, "_manifests/tags/bad/current/link"), "../../etc/passwd")
	writeFile(t, filepath.Join(app, "_manifests/tags/lost/current/link"), "sha256:"+none)
	writeFile(t, blob("sha256:"+rig.Sum([]byte(schema1))), schema1)
	writeFile(t, filepath.Join(app, "_manifests/revisions/sha256", rig.Sum([]byte(schema1)), "link"), "sha256:"+rig.Sum([]byte(schema1)))
	m := idle(t, registry("reg.test", reg.URL))
	out := fails(t, m, 1, "could not be read", "import", "docker-registry", reg.Data, "--public")
	for _, want := range []string{
		fmt.Sprintf("wrong: %q: it holds another digest than its path\n", "docker/registry/v2/repositories/team/app/_layers/sha256/"+none+"/link"),
		`wrong: "docker/registry/v2/repositories/team/app/_manifests/tags/bad/current/link": "../../etc/passwd" is no digest`,
		"left out: tag team/app:lost: its manifest is not there\n",
		fmt.Sprintf("wrong: %q: no manifest that can be served: not a manifest: ", strings.TrimPrefix(blob("sha256:"+rig.Sum([]byte(schema1))), reg.Data+"/")),
		fmt.Sprintf("wrong: %q: the bytes are not what the index names: the digest is ", strings.TrimPrefix(blob(rotten), reg.Data+"/")),
		fmt.Sprintf("passed over: %q: no such file or directory\n", strings.TrimPrefix(blob(gone), reg.Data+"/")),
	} {
		if n := strings.Count(out, "\n"+want); n != 1 {
			t.Errorf("%q stands %d times in\n%s", want, n, out)
		}
	}
	if n := sumOf(t, out, "reg.test"); n.wrong != 4 || n.unreadable != 1 {
		t.Errorf("%+v", n)
	}
	offline(t, m)
	if err := pulls(t, m, "reg.test", im, ":1"); err != nil {
		t.Error(err)
	}
	m.Fsck(t)
}
