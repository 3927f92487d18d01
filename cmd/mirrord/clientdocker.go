package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"mirrord/internal/engines"
	"mirrord/internal/originals"
	"mirrord/internal/repo/oci"
)

func newClientDockerCommand() *cobra.Command {
	return newEngineCommand("docker", "Have this machine's dockerd pull through a mirrord",
		"Prints dockerd's daemon.json with a mirrord as its first registry mirror.",
		"file", "/etc/docker/daemon.json", "dockerd's configuration file", dockerEngine)
}

func dockerEngine(o engineOptions) clientEngine {
	dir, name := originals.Dir(filepath.Dir(o.where)), filepath.Base(o.where)
	return clientEngine{
		dir: dir, own: []string{name}, bare: true, next: dockerNext,
		plan: func(to registries) ([]change, error) {
			if !to.mirrorsHub() && !to.server.Insecure() {
				return nil, fmt.Errorf("nothing to set: docker uses mirrors for %s only, and %s is one whose default is not %s%s",
					oci.Hub, to.server.URL, oci.Hub, pullAs(to))
			}
			file, err := dir.Read(name)
			if err != nil {
				return nil, err
			}
			text, err := engines.DaemonJSON(file.Text, to.server, to.mirrorsHub())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.where, err)
			}
			return []change{{file: file, text: text}}, nil
		},
	}
}

// pullAs names a registry behind the mirrord, where there is one that can be named so.
func pullAs(to registries) string {
	i := slices.IndexFunc(to.names, engines.Behind)
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("; pull as %s/%s/NAME", to.server.Host(), to.names[i])
}

func dockerNext(out io.Writer, to registries) {
	fmt.Fprintln(out, "Next: systemctl reload docker (or send dockerd a SIGHUP).")
	if to.mirrorsHub() {
		fmt.Fprintf(out, "docker asks mirrors for %s only: docker pull alpine.\n", oci.Hub)
	}
	others := slices.DeleteFunc(slices.Clone(to.names), func(name string) bool { return name == oci.Hub && to.mirrorsHub() })
	if slices.ContainsFunc(others, engines.Behind) {
		fmt.Fprintln(out, "Other registries go by the mirrord's own name:")
	}
	for _, name := range others {
		if engines.Behind(name) {
			fmt.Fprintf(out, "  docker pull %s/%s/NAME\n", to.server.Host(), name)
		}
	}
	sayLeftOut(out, "docker", others)
}
