package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/originals"
	"mirrord/internal/sources"
)

type clientAptOptions struct {
	server, config, aptDir string
	apply, revert          bool
}

func newClientAptCommand() *cobra.Command {
	var o clientAptOptions
	cmd := &cobra.Command{
		Use:   "apt",
		Short: "Point this machine's apt sources at a mirrord",
		Long: "Prints this machine's apt sources with the mirrors that a mirrord serves replaced by it.\n" +
			"--apply writes them, --revert puts the originals back byte for byte.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runClientApt(cmd, o) },
	}
	cmd.Flags().StringVar(&o.server, "server", "", "URL of the mirrord, http://host:port (default: where the configuration listens)")
	cmd.Flags().StringVar(&o.config, "config", "", "the mirrord's configuration file (default: the built-in catalogue)")
	cmd.Flags().StringVar(&o.aptDir, "apt-dir", "/etc/apt", "apt's configuration directory")
	cmd.Flags().BoolVar(&o.apply, "apply", false, "rewrite the sources in place")
	cmd.Flags().BoolVar(&o.revert, "revert", false, "put the original sources back")
	return cmd
}

func runClientApt(cmd *cobra.Command, o clientAptOptions) error {
	dir := sources.Dir(o.aptDir)
	if o.apply && o.revert {
		return usagef(cmd, "--apply and --revert exclude each other")
	}
	if o.revert {
		return revertFiles(cmd, originals.Dir(dir))
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	server, err := serverURL(cmd, o.server, cfg)
	if err != nil {
		return err
	}
	if o.config == "" && o.server != "" {
		cfg.Repos = served(cmd, server, cfg.Repos)
	}
	rewrites, err := rewriteAll(dir, server, cfg)
	if err != nil {
		return err
	}
	if !rewrites.matched() {
		return nothingMatched(cmd, o, server, cfg)
	}
	if o.apply {
		return applyApt(cmd, dir, rewrites, server)
	}
	printSources(cmd.OutOrStdout(), dir, rewrites, server)
	return nil
}

// serverURL checks the flag, or takes the first listen address.
func serverURL(cmd *cobra.Command, flag string, cfg *config.Config) (string, error) {
	if flag == "" {
		return localURL(cfg.Listen[0]), nil
	}
	u, err := url.Parse(flag)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", usagef(cmd, "--server %q is not http://host:port", flag)
	}
	return u.Scheme + "://" + u.Host, nil
}

// rewrite is a file as it should become.
type rewrite struct {
	file    sources.File
	text    string
	changes []sources.Change
}

type rewrites []rewrite

func rewriteAll(dir sources.Dir, server string, cfg *config.Config) (rewrites, error) {
	matcher, err := newMatcher(cfg)
	if err != nil {
		return nil, err
	}
	files, err := dir.Read()
	if err != nil {
		return nil, err
	}
	var all rewrites
	for _, file := range files {
		text, changes := file.Rewrite(matcher, server)
		all = append(all, rewrite{file, text, changes})
	}
	return all, nil
}

// matched reports whether any source uses the server, or would.
func (all rewrites) matched() bool {
	for _, r := range all {
		for _, change := range r.changes {
			if change.To != "" {
				return true
			}
		}
	}
	return false
}

// nothingMatched shows what could be added by hand; with --apply that is a failure.
func nothingMatched(cmd *cobra.Command, o clientAptOptions, server string, cfg *config.Config) error {
	lines, err := sourceLines(server, cfg)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "# No source under %s uses a mirror of what %s serves.\n# Lines to choose from:\n", o.aptDir, server)
	for _, l := range lines {
		fmt.Fprintln(out, l)
	}
	if o.apply {
		return errors.New("nothing to apply, no file was touched")
	}
	return nil
}

func printSources(out io.Writer, dir sources.Dir, all rewrites, server string) {
	for _, r := range all {
		if len(r.changes) == 0 {
			continue
		}
		fmt.Fprintf(out, "# %s/%s\n%s", dir, r.file.Name, r.text)
		if !strings.HasSuffix(r.text, "\n") {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out)
	}
	printLeft(out, "# ", all, server)
}

// printLeft lists the sources that go on without mirrord.
func printLeft(out io.Writer, prefix string, all rewrites, server string) {
	for _, r := range all {
		for _, change := range r.changes {
			if change.To == "" && !strings.HasPrefix(change.URI, server+"/") {
				fmt.Fprintf(out, "%sleft as it is: %s %s\n", prefix, change.Where(), change.Shown())
			}
		}
	}
}
