package oci_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// shortDir is for sockets: the path of one has at most 107 bytes.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "oci")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newDocker starts Debian's dockerd by hand, without network and storage drivers
// that need more of the kernel than a test may ask for. What is of docker.io it
// pulls by its registry-mirrors, all else by mirrord's own address.
func newDocker(t *testing.T, addr string) client {
	t.Helper()
	dir := shortDir(t)
	host := "DOCKER_HOST=unix://" + filepath.Join(dir, "sock")
	// In place of the machine's, and of a key below /etc.
	config := filepath.Join(dir, "daemon.json")
	writeFile(t, config, fmt.Sprintf(`{"deprecated-key-path": %q}`, filepath.Join(dir, "key.json")))
	setUp(t, addr, "docker", "--file", config)
	daemon := exec.Command("dockerd", "--config-file", config, "--host", strings.TrimPrefix(host, "DOCKER_HOST="),
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs")
	daemon.Env = cutOff()
	rig.StartProcess(t, daemon, func(context.Context) bool {
		_, err := tool(t, []string{host}, "docker", "version")
		return err == nil
	})
	return client{"docker", func(t *testing.T, r ref, im *rig.Image) error {
		docker := func(args ...string) (string, error) {
			return tool(t, []string{host, "DOCKER_CONFIG=" + dockerConfig(t, addr, r)}, "docker", args...)
		}
		name := addr + "/" + r.String()
		if r.registry == "docker.io" {
			name = strings.TrimPrefix(r.repository, "library/") + ":" + r.tag
		}
		if err := emptyDocker(docker); err != nil {
			return err
		}
		if _, err := docker("pull", "--quiet", name); err != nil {
			return err
		}
		id, err := docker("image", "inspect", "--format={{.Id}}", name)
		if err == nil && id != im.Platforms[native].Config {
			err = fmt.Errorf("docker holds %s, want %s", id, im.Platforms[native].Config)
		}
		return err
	}}
}

// emptyDocker removes all images, and so the layers.
func emptyDocker(docker func(...string) (string, error)) error {
	ids, err := docker("image", "ls", "--all", "--quiet", "--no-trunc")
	if err == nil && ids != "" {
		_, err = docker(append([]string{"image", "rm", "--force"}, slices.Compact(strings.Fields(ids))...)...)
	}
	return err
}

// newContainerd starts containerd by hand, with a hosts.toml for each registry, by
// which it asks mirrord with ns=.
func newContainerd(t *testing.T, addr string) client {
	t.Helper()
	dir := shortDir(t)
	config, socket, hosts := filepath.Join(dir, "config.toml"), filepath.Join(dir, "sock"), filepath.Join(dir, "hosts")
	writeFile(t, config, containerdConfig(dir, socket))
	setUp(t, addr, "containerd", "--dir", hosts)
	daemon := exec.Command("containerd", "--config", config)
	daemon.Env = cutOff()
	rig.StartProcess(t, daemon, func(context.Context) bool {
		_, err := tool(t, nil, "ctr", "--address", socket, "version")
		return err == nil
	})
	pulls := 0
	return client{"containerd", func(t *testing.T, r ref, im *rig.Image) error {
		pulls++
		ctr := func(args ...string) (string, error) {
			return tool(t, nil, "ctr", append([]string{"--address", socket, "--namespace", fmt.Sprint("n", pulls)}, args...)...)
		}
		pull := []string{"images", "pull", "--hosts-dir", hosts, "--snapshotter", "native", "--platform", native}
		if r.user != "" {
			pull = append(pull, "--user", r.user+":"+r.password)
		}
		if _, err := ctr(append(pull, r.String())...); err != nil {
			return err
		}
		have, err := ctr("content", "ls", "--quiet")
		for _, digest := range append(im.Platforms[native].Blobs, im.Digest, im.Platforms[native].Digest) {
			if err == nil && !strings.Contains(have, digest) {
				err = fmt.Errorf("containerd does not hold %s; it has\n%s", digest, have)
			}
		}
		return err
	}}
}

// containerdConfig lets no namespace have what another pulled.
func containerdConfig(dir, socket string) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = %q
[plugins."io.containerd.metadata.v1.bolt"]
  content_sharing_policy = "isolated"
`, filepath.Join(dir, "root"), filepath.Join(dir, "state"), socket)
}
