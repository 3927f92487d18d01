package main

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/moving"
	"mirrord/internal/repo"
	"mirrord/internal/tree"
	"mirrord/internal/upstream"
)

const importLong = `Takes over what another cache or mirror has on disk. Only what an index or a digest vouches for is believed;
what nobody vouches for is asked for upstream at its first use. No mirrord may be serving from the data directory meanwhile.
An import that was interrupted goes on when it is called again.`

type importOptions struct {
	moveOptions
	dryRun, public, times bool
	at                    string
	maps                  []string
}

func newImportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Take over what another cache or mirror has on disk",
		Long:  importLong,
		Args:  noArgs,
		RunE:  needsCommand,
	}
	cmd.AddCommand(newImportACNG(), newImportRegistry(), newImportTree(), newImportExport())
	return cmd
}

// importCommand is one of import's.
func importCommand(o *importOptions, use, short string, run func(*cobra.Command, *importOptions, *tree.Tree) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use + " DIR",
		Short: short,
		Args:  oneDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := tree.Open(args[0])
			if err != nil {
				return fmt.Errorf("%s: %s", args[0], tree.Reason(err))
			}
			defer t.Close()
			return run(cmd, o, t)
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what is there and which repositories it belongs to; look into no file and change nothing")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "also name the files that nobody vouches for")
	return cmd
}

func oneDirectory(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return usagef(cmd, "the directory is missing")
	case 1:
		return nil
	}
	return usagef(cmd, "unexpected argument %q", args[1])
}

func newImportACNG() *cobra.Command {
	o := new(importOptions)
	cmd := importCommand(o, "apt-cacher-ng", "Take over apt-cacher-ng's cache, such as /var/cache/apt-cacher-ng", importACNG)
	cmd.Flags().StringArrayVar(&o.repos, "repo", nil, "take over for this repository only; may be given more than once")
	cmd.Flags().StringArrayVar(&o.maps, "map", nil, "DIRECTORY=REPOSITORY[/PATH]: which repository a directory of the cache is; may be given more than once")
	return cmd
}

func newImportRegistry() *cobra.Command {
	o := new(importOptions)
	cmd := importCommand(o, "docker-registry", "Take over what docker-registry stores, such as /var/lib/docker-registry", importRegistry)
	o.registryFlags(cmd)
	return cmd
}

func (o *importOptions) registryFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.repos, "repo", nil, "the repository of the configuration (default: the default registry)")
	cmd.Flags().BoolVar(&o.public, "public", false, "everybody may pull these images, also while upstream cannot be asked")
}

func newImportTree() *cobra.Command {
	o := new(importOptions)
	cmd := importCommand(o, "tree", "Take over a plain mirror, as rsync, debmirror or reposync leave it", importTree)
	cmd.Flags().StringArrayVar(&o.repos, "repo", nil, "the repository of the configuration that it is")
	cmd.Flags().StringVar(&o.at, "at", "", "where in the repository the directory stands, such as releases/40/Everything/x86_64/os")
	cmd.Flags().BoolVar(&o.times, "times", false, "the files' times are upstream's, as rsync -t and wget -N leave them")
	return cmd
}

func newImportExport() *cobra.Command {
	o := new(importOptions)
	cmd := importCommand(o, "export", "Take over what mirrord export wrote", importExport)
	o.registryFlags(cmd)
	cmd.Flags().Lookup("repo").Usage = "take over this repository only; may be given more than once"
	return cmd
}

func importACNG(cmd *cobra.Command, o *importOptions, t *tree.Tree) error {
	cfg, err := o.load()
	if err != nil {
		return err
	}
	repos, err := o.chosen(cmd, cfg)
	if err != nil {
		return err
	}
	told, err := readMaps(cmd, o.maps, repos)
	if err != nil {
		return err
	}
	mounts, err := moving.FindACNG(cmd.Context(), t, repos, told)
	if err != nil {
		return fmt.Errorf("%s: %s", t.Dir, tree.Reason(err))
	}
	return o.takeMounts(cmd, cfg, t, moving.ACNG{}, mounts)
}

// readMaps reads the values of --map.
func readMaps(cmd *cobra.Command, maps []string, repos []moving.Repo) (all []moving.Mount, err error) {
	for _, m := range maps {
		dir, to, ok := strings.Cut(m, "=")
		name, at, _ := strings.Cut(to, "/")
		if !ok || dir == "" || name == "" {
			return nil, usagef(cmd, "--map %q, expected DIRECTORY=REPOSITORY or DIRECTORY=REPOSITORY/PATH", m)
		}
		if err := aTree(cmd, "--map "+m, name, repos); err != nil {
			return nil, err
		}
		all = append(all, moving.Mount{Dir: path.Clean(dir), Repo: name, At: strings.Trim(at, "/")})
	}
	return all, nil
}

// aTree tells whether a repository of that name is one of repos, and a tree.
func aTree(cmd *cobra.Command, what, name string, repos []moving.Repo) error {
	for _, r := range repos {
		if r.Name == name && r.Type != moving.OCI {
			return nil
		}
	}
	return usagef(cmd, "%s: %q is no repository of type apt, rpm or generic", what, name)
}

func importTree(cmd *cobra.Command, o *importOptions, t *tree.Tree) error {
	if len(o.repos) != 1 {
		return usagef(cmd, "--repo is missing, expected the one repository of the configuration that the directory is of")
	}
	cfg, err := o.load()
	if err != nil {
		return err
	}
	repos, err := o.chosen(cmd, cfg)
	if err == nil {
		err = aTree(cmd, "--repo", o.repos[0], repos)
	}
	if err != nil {
		return err
	}
	at := strings.Trim(o.at, "/")
	if clean, err := repo.CleanName(at); at != "" && (err != nil || clean != at) {
		return usagef(cmd, "--at %q is no path", o.at)
	}
	return o.takeMounts(cmd, cfg, t, moving.PlainTree{Times: o.times}, []moving.Mount{{Repo: o.repos[0], At: at}})
}

// takeMounts takes trees in, or says what there is.
func (o *importOptions) takeMounts(cmd *cobra.Command, cfg *config.Config, t *tree.Tree, keeper moving.Keeper, mounts []moving.Mount) error {
	if err := o.survey(cmd, t, keeper, mounts); err != nil || o.dryRun {
		return err
	}
	return o.take(cmd, cfg, t, keeper, mounts, nil)
}

// survey says what is there, and of whom.
func (o *importOptions) survey(cmd *cobra.Command, t *tree.Tree, keeper moving.Keeper, mounts []moving.Mount) error {
	in, out, err := moving.CountMounts(cmd.Context(), t, keeper, mounts)
	if err != nil {
		return fmt.Errorf("%s: %s", t.Dir, tree.Reason(err))
	}
	for i, c := range in {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files, %s\n", mounts[i], c.Files, inUnits(c.Bytes))
	}
	for _, c := range out {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %d files, %s: of no repository that is configured; --map %[1]s=REPOSITORY takes them\n", c.Dir, c.Files, inUnits(c.Bytes))
	}
	if len(in) == 0 {
		return fmt.Errorf("%s: nothing in it is of a configured repository", t.Dir)
	}
	return nil
}

// take takes mounts in, and then what images does.
func (o *importOptions) take(cmd *cobra.Command, cfg *config.Config, t *tree.Tree, keeper moving.Keeper, mounts []moving.Mount, images func(context.Context, *depot, *moving.Log) error) (err error) {
	show := newMoveShow(cmd.ErrOrStderr())
	log := moving.NewLog(show)
	log.Verbose = o.verbose
	shelf := moving.NewShelf(t, keeper, mounts, log)
	transport := upstream.NewTransport(upstream.Options{Through: shelf})
	defer transport.Close()
	h, err := openDepot(cfg, transport, func(r config.Repo) []*url.URL { return shelf.Mirrors(r.Name) }, quietly(show))
	if err != nil {
		show.end()
		return err
	}
	defer h.close()
	err = moving.Intake{Mirror: h.mirror, Tree: t, Keeper: keeper, Mounts: mounts, Link: o.link, Log: log}.Run(cmd.Context())
	if err == nil && images != nil {
		err = images(cmd.Context(), h, log)
	}
	show.end()
	o.summarize(cmd, cfg, log, "taken in")
	if err != nil {
		return goesOn(err)
	}
	return lost(log)
}

// summarize prints a line for each repository that anything was done for.
func (o *moveOptions) summarize(cmd *cobra.Command, cfg *config.Config, log *moving.Log, done string) {
	for _, r := range cfg.Repos {
		if s := log.Sum(r.Name); s != (moving.Sum{}) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", r.Name, summary(s, done))
		}
	}
}
