package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/sources"
	"mirrord/internal/yumrepos"
)

// origins is what a machine installs from.
type origins struct {
	dirs     []string // that were read
	repos    []config.DraftRepo
	notes    []string // what cannot be mirrored
	password bool     // an upstream's URL holds one
	names    map[string]bool
}

// findOrigins reads apt's sources and the .repo files. A machine has one or the
// other: of the usual directories one may be missing.
func findOrigins(cmd *cobra.Command, o initOptions) (origins, error) {
	used := origins{names: map[string]bool{}}
	apt, yum := cmd.Flags().Changed("apt-dir"), cmd.Flags().Changed("yum-dir")
	var missing error
	for _, from := range []struct {
		dir  string
		read bool
		take func(string) error
	}{
		{o.aptDir, apt || !yum, used.takeApt},
		{o.yumDir, yum || !apt, used.takeYum},
	} {
		if !from.read {
			continue
		}
		err := from.take(from.dir)
		if errors.Is(err, fs.ErrNotExist) && !apt && !yum {
			missing = err
			continue
		}
		if err != nil {
			return used, err
		}
		used.dirs = append(used.dirs, from.dir)
	}
	if len(used.dirs) == 0 {
		return used, missing
	}
	return used, nil
}

func (used *origins) takeApt(dir string) error {
	files, err := sources.Dir(dir).Read()
	if err != nil {
		return err
	}
	archives, err := newMatcher(&config.Config{})
	if err != nil {
		return err
	}
	all, notes := sources.Origins(files, archives, sources.Rules{
		Upstream: config.ParseUpstream, Keyring: config.ParseKeyring, Name: used.free,
	})
	for _, origin := range all {
		used.add(config.DraftRepo{
			Name: origin.Name, Type: config.Apt, Upstream: origin.URL.String(), Keyring: origin.Keyring,
			Notes: append([]string{from(origin.Used)}, origin.Notes...),
		})
		used.password = used.password || origin.URL.User != nil
	}
	used.notes = append(used.notes, notes...)
	return nil
}

func (used *origins) takeYum(dir string) error {
	files, err := yumrepos.Dir(dir).Read()
	if err != nil {
		return err
	}
	archives, err := newYumMatcher(&config.Config{})
	if err != nil {
		return err
	}
	all, notes := yumrepos.Origins(files, archives, yumrepos.Rules{
		Upstream: config.ParseUpstream, Keyring: config.ParseKeyring, Name: used.free,
	})
	for _, origin := range all {
		repo := config.DraftRepo{
			Name: origin.Name, Type: config.RPM, Keyring: origin.Keyring, Lists: origin.Lists,
			Notes: append([]string{from(origin.Used)}, origin.Notes...),
		}
		if origin.URL != nil {
			repo.Upstream = origin.URL.String()
			used.password = used.password || origin.URL.User != nil
		}
		used.add(repo)
	}
	used.notes = append(used.notes, notes...)
	return nil
}

func (used *origins) add(repo config.DraftRepo) {
	used.repos = append(used.repos, repo)
	used.names[repo.Name] = true
}

// free is config.ParseName but for names that are taken.
func (used *origins) free(name string) (string, error) {
	if used.names[name] {
		return "", fmt.Errorf("%q is taken", name)
	}
	return config.ParseName(name)
}

func (used origins) has(kind config.Type) bool {
	return slices.ContainsFunc(used.repos, func(r config.DraftRepo) bool { return r.Type == kind })
}

func from(places []string) string { return "from " + strings.Join(places, ", ") }
