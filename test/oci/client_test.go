package oci_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// pullFor ends a client that hangs.
const pullFor = time.Minute

// ref is an image as a user means it; the client knows mirrord already.
type ref struct {
	registry, repository, tag string
	user, password            string // "" nobody
}

func (r ref) String() string { return r.registry + "/" + r.repository + ":" + r.tag }

// client is a real program that pulls.
type client struct {
	name string
	// pull gets an image with nothing at hand of earlier pulls, and reports what is
	// wrong with what the client holds then.
	pull func(t *testing.T, r ref, im *rig.Image) error
}

// clients are all that there are, set up for the mirrord at addr.
func clients(t *testing.T, addr string) []client {
	t.Helper()
	return []client{
		newDocker(t, addr), newContainerd(t, addr), newPodman(t, addr), newSkopeo(addr), newCrane(t, addr),
	}
}

// setUp has mirrord itself write a container engine's files, as users do; flag is the
// one that names where they are.
func setUp(t *testing.T, addr, engine, flag, where string) {
	t.Helper()
	if _, err := tool(t, nil, rig.Build(t), "client", engine, "--server", "http://"+addr, flag, where, "--apply"); err != nil {
		t.Fatal(err)
	}
}

// tool runs a program to its end and gives its standard output.
func tool(t *testing.T, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pullFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(cutOff(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &stderr, out)
	}
	return strings.TrimSpace(string(out)), err
}

// cutOff is an environment with a proxy that is not there: Go programs go round it
// to loopback, and nowhere else. A client whose mirror fails would ask the
// registry itself.
func cutOff() []string {
	return append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1",
		"http_proxy=http://127.0.0.1:9", "https_proxy=http://127.0.0.1:9", "no_proxy=127.0.0.1")
}

// dockerConfig writes the file in which clients keep what `login` was told.
func dockerConfig(t *testing.T, host string, r ref) (dir string) {
	t.Helper()
	dir = t.TempDir()
	auths := map[string]any{}
	if r.user != "" {
		auths[host] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(r.user + ":" + r.password))}
	}
	writeJSON(t, filepath.Join(dir, "config.json"), map[string]any{"auths": auths})
	return dir
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(text))
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// crane is the client's package, to be installed.
const crane = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"

func newCrane(t *testing.T, addr string) client {
	t.Helper()
	bin := rig.InstallTool(t, crane)
	return client{"crane", func(t *testing.T, r ref, im *rig.Image) error {
		to := t.TempDir()
		_, err := tool(t, []string{"DOCKER_CONFIG=" + dockerConfig(t, addr, r)},
			bin, "pull", "--insecure", "--format=oci", "--platform="+native, addr+"/"+r.String(), to)
		if err != nil {
			return err
		}
		return holds(filepath.Join(to, "blobs", "sha256"), append(im.Platforms[native].Blobs, im.Platforms[native].Digest))
	}}
}

func newSkopeo(addr string) client {
	return client{"skopeo", func(t *testing.T, r ref, im *rig.Image) error {
		to := t.TempDir()
		_, err := tool(t, nil, "skopeo", "copy", "--insecure-policy", "--src-tls-verify=false",
			"--src-authfile="+filepath.Join(dockerConfig(t, addr, r), "config.json"), "docker://"+addr+"/"+r.String(), "dir:"+to)
		if err != nil {
			return err
		}
		manifest, err := os.ReadFile(filepath.Join(to, "manifest.json"))
		if err != nil {
			return err
		}
		if digest := digestOf(manifest); digest != im.Platforms[native].Digest {
			return fmt.Errorf("skopeo: manifest.json is %s, want %s", digest, im.Platforms[native].Digest)
		}
		return holds(to, im.Platforms[native].Blobs)
	}}
}

// holds reports what is missing or wrong in a directory of files that are named by
// what they hold.
func holds(dir string, digests []string) error {
	for _, digest := range digests {
		data, err := os.ReadFile(filepath.Join(dir, strings.TrimPrefix(digest, "sha256:")))
		if err != nil {
			return err
		}
		if got := digestOf(data); got != digest {
			return fmt.Errorf("%s holds %s", digest, got)
		}
	}
	return nil
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// newPodman has a mirror for each registry: mirrord's path of its name.
func newPodman(t *testing.T, addr string) client {
	t.Helper()
	conf := t.TempDir()
	setUp(t, addr, "podman", "--dir", conf)
	file := filepath.Join(conf, "50-mirrord.conf")
	return client{"podman", func(t *testing.T, r ref, im *rig.Image) error {
		dir := shortDir(t) // podman refuses a --runroot of more than 50 characters
		podman := func(args ...string) (string, error) {
			return tool(t, []string{"CONTAINERS_REGISTRIES_CONF=" + file, "TMPDIR=" + dir}, "podman", append([]string{
				"--root=" + filepath.Join(dir, "root"), "--runroot=" + filepath.Join(dir, "run"), "--tmpdir=" + filepath.Join(dir, "tmp"),
				"--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none"}, args...)...)
		}
		auth := "--authfile=" + filepath.Join(dockerConfig(t, addr, r), "config.json")
		if _, err := podman("pull", "--quiet", auth, r.String()); err != nil {
			return err
		}
		id, err := podman("image", "inspect", "--format={{.Id}}", r.String())
		if err == nil && "sha256:"+id != im.Platforms[native].Config {
			err = fmt.Errorf("podman holds %s, want %s", id, im.Platforms[native].Config)
		}
		return err
	}}
}
