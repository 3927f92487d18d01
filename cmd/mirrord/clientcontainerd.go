package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mirrord/internal/engines"
	"mirrord/internal/originals"
)

func newClientContainerdCommand() *cobra.Command {
	return newEngineCommand("containerd", "Have this machine's containerd pull through a mirrord",
		"Prints a hosts.toml with a mirrord as the first host for each registry that it serves.",
		"dir", "/etc/containerd/certs.d", "containerd's directory of registries", containerdEngine)
}

func containerdEngine(o engineOptions) clientEngine {
	dir := originals.Dir(o.where)
	return clientEngine{
		dir: dir,
		plan: func(to registries) ([]change, error) {
			var all []change
			for _, registry := range to.names {
				file, err := dir.Read(registry + "/hosts.toml")
				if err != nil {
					return nil, err
				}
				text, err := engines.HostsTOML(file.Text, to.server, registry)
				if err != nil {
					err = fmt.Errorf("%s: %w", dir.Path(file.Name), err)
				}
				all = append(all, change{file, text, err})
			}
			return all, nil
		},
		next: func(out io.Writer, _ registries) { containerdNext(out, o.where) },
	}
}

// containerdNext: the files are read anew at each pull, but only where containerd
// was told about the directory.
func containerdNext(out io.Writer, dir string) {
	fmt.Fprintf(out, "Next: ctr images pull --hosts-dir %s docker.io/library/alpine:latest\n", dir)
	fmt.Fprintln(out, "For Kubernetes, /etc/containerd/config.toml needs one of these, and containerd a restart when it is new:")
	for _, table := range []string{
		`[plugins."io.containerd.cri.v1.images".registry]   # containerd 2`,
		`[plugins."io.containerd.grpc.v1.cri".registry]     # containerd 1`,
	} {
		fmt.Fprintf(out, "  %s\n    config_path = %q\n", table, dir)
	}
}
