package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/engines"
	"mirrord/internal/originals"
)

// podmanFile is ours alone. podman reads the directory in the order of names, and a
// later file's table for a registry replaces an earlier one's.
const podmanFile = "50-mirrord.conf"

func newClientPodmanCommand() *cobra.Command {
	return newEngineCommand("podman", "Have this machine's podman, skopeo and buildah pull through a mirrord",
		"Prints a file for registries.conf.d with a mirrord as the mirror of each registry that it serves.",
		"dir", "/etc/containers/registries.conf.d", "directory of podman's registry configuration", podmanEngine)
}

func podmanEngine(o engineOptions) clientEngine {
	dir := originals.Dir(o.where)
	return clientEngine{
		dir: dir, own: []string{podmanFile},
		plan: func(to registries) ([]change, error) {
			if !slices.ContainsFunc(to.names, engines.Behind) {
				return nil, fmt.Errorf("podman cannot name %s behind another host, and %s serves nothing else", strings.Join(to.names, ", "), to.server.URL)
			}
			file, err := dir.Read(podmanFile)
			return []change{{file: file, text: engines.RegistriesConf(to.server, to.names)}}, err
		},
		next: podmanNext,
	}
}

func podmanNext(out io.Writer, to registries) {
	fmt.Fprintln(out, "Next: podman pull docker.io/library/alpine; only CRI-O has to be told (systemctl reload crio).")
	sayLeftOut(out, "podman", to.names)
}

// sayLeftOut lists those of the registries that the engine's references have no form for.
func sayLeftOut(out io.Writer, engine string, registries []string) {
	for _, name := range registries {
		if !engines.Behind(name) {
			fmt.Fprintf(out, "Left out: %s; %s cannot name a registry with a port behind another host.\n", name, engine)
		}
	}
}
