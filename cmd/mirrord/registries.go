package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/engines"
	"mirrord/internal/repo/oci"
)

// registries is a mirrord, and which registries it serves.
type registries struct {
	server engines.Server
	names  []string
	def    string // the default, which answers for bare names; "" = none
}

// findRegistries takes them from the configuration, from the server that is named
// instead, or from the built-in catalogue.
func findRegistries(cmd *cobra.Command, server string, cfg *config.Config) (registries, error) {
	url, err := serverURL(cmd, server, cfg)
	if err != nil {
		return registries{}, err
	}
	found := registries{server: engines.Server{URL: url}}
	if cfg.File == config.BuiltIn && server != "" {
		if page, asked := askOrAssume(cmd, url); asked {
			found.take(page)
			return found, found.some()
		}
	}
	for _, repo := range cfg.Repos {
		if repo.Type == config.OCI {
			found.names = append(found.names, repo.Name)
			if repo.Default {
				found.def = repo.Name
			}
		}
	}
	return found, found.some()
}

// take reads what a server says that it serves.
func (r *registries) take(served page) {
	for _, name := range served.names {
		if name, ok := strings.CutPrefix(name, "v2/"); ok && engines.Registry(name) {
			r.names = append(r.names, name)
		}
	}
	if r.known(served.standard) {
		r.def = served.standard
	}
}

// mirrorsHub reports that the server can be one of docker's mirrors, which docker
// asks for docker.io only, and without naming it.
func (r registries) mirrorsHub() bool { return r.def == oci.Hub }

func (r *registries) some() error {
	if len(r.names) == 0 {
		return fmt.Errorf("%s serves no container registry; a repository of type oci makes it one", r.server.URL)
	}
	return nil
}

// parse reads what a user calls an image; its registry must be one of these.
func (r registries) parse(s string) (oci.Reference, error) {
	ref, err := oci.ParseReference(s, cmp.Or(r.def, oci.Hub), r.known)
	if err == nil && !r.known(ref.Registry) {
		err = fmt.Errorf("%s: %s does not serve %s; it serves %s", s, r.server.URL, ref.Registry, strings.Join(r.names, ", "))
	}
	return ref, err
}

func (r registries) known(name string) bool { return slices.Contains(r.names, name) }

// table is what says where a reference is looked for.
func (r registries) table() oci.Names {
	names := oci.Names{Default: r.def, Known: map[string]bool{}, Library: map[string]bool{oci.Hub: true}}
	for _, name := range r.names {
		names.Known[name] = true
	}
	return names
}
