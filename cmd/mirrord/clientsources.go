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
)

// sourceTool is a package tool that reads its sources from files of a directory.
type sourceTool struct {
	dir  string
	next string // what to run after --apply
	undo string
	// rewrite reads the files and says what they should become.
	rewrite func(server string, cfg *config.Config) (rewrites, error)
	// lines are to choose from where no source matches.
	lines func(server string, cfg *config.Config) ([]string, error)
}

type sourceOptions struct {
	server, config, dir string
	apply, revert       bool
}

// newSourceCommand makes a command with the flags that the package tools share; where
// is the flag that names the directory.
func newSourceCommand(use, short, long, where, place, usage string, set func(o sourceOptions, how string) sourceTool) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long + "\n--apply writes them, --revert puts the originals back byte for byte.",
		Args:  noArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		how := cmd.CommandPath()
		if cmd.Flags().Changed(where) {
			how += " --" + where + " " + o.dir
		}
		return set(o, how).run(cmd, o)
	}
	cmd.Flags().StringVar(&o.server, "server", "", "URL of the mirrord, http://host:port (default: where the configuration listens)")
	cmd.Flags().StringVar(&o.config, "config", "", "the mirrord's configuration file (default: the built-in catalogue)")
	cmd.Flags().StringVar(&o.dir, where, place, usage)
	cmd.Flags().BoolVar(&o.apply, "apply", false, "rewrite the sources in place")
	cmd.Flags().BoolVar(&o.revert, "revert", false, "put the original sources back")
	return cmd
}

func (t sourceTool) run(cmd *cobra.Command, o sourceOptions) error {
	if o.apply && o.revert {
		return usagef(cmd, "--apply and --revert exclude each other")
	}
	if o.revert {
		return revertFiles(cmd, originals.Dir(t.dir))
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
	all, err := t.rewrite(server, cfg)
	if err != nil {
		return err
	}
	if !all.matched() {
		return t.nothingMatched(cmd, o, server, cfg)
	}
	if o.apply {
		return t.apply(cmd, all, server)
	}
	t.print(cmd.OutOrStdout(), all)
	return nil
}

// serverURL checks the flag, or takes the first listen address.
func serverURL(cmd *cobra.Command, flag string, cfg *config.Config) (string, error) {
	if flag == "" {
		if len(cfg.Listen) == 0 {
			return localURL(cfg.ListenTLS[0], true), nil
		}
		return localURL(cfg.Listen[0], false), nil
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
	name    string
	text    string
	sources []rewritten
	apply   func() (bool, error) // as originals.Dir.Apply
}

// rewritten is what becomes of one source.
type rewritten struct {
	where string // "FILE:LINE"
	shown string
	to    string // "" = it is left as it is
	quiet bool   // that it is left is not worth a word
	note  string // what else there is to know, ""
}

type rewrites []rewrite

// matched reports whether any source uses the server, or would.
func (all rewrites) matched() bool {
	for _, r := range all {
		for _, s := range r.sources {
			if s.to != "" {
				return true
			}
		}
	}
	return false
}

// nothingMatched shows what could be added by hand; with --apply that is a failure.
func (t sourceTool) nothingMatched(cmd *cobra.Command, o sourceOptions, server string, cfg *config.Config) error {
	lines, err := t.lines(server, cfg)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "# No source under %s uses a mirror of what %s serves.\n# Lines to choose from:\n", t.dir, server)
	for _, l := range lines {
		fmt.Fprintln(out, l)
	}
	if o.apply {
		return errors.New("nothing to apply, no file was touched")
	}
	return nil
}

func (t sourceTool) print(out io.Writer, all rewrites) {
	for _, r := range all {
		if len(r.sources) == 0 {
			continue
		}
		fmt.Fprintf(out, "# %s/%s\n%s", t.dir, r.name, r.text)
		if !strings.HasSuffix(r.text, "\n") {
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out)
	}
	printLeft(out, "# ", all)
}

// printLeft lists the sources that go on without mirrord, and what there is to know of
// the others.
func printLeft(out io.Writer, prefix string, all rewrites) {
	for _, r := range all {
		for _, s := range r.sources {
			switch {
			case s.to == "" && !s.quiet:
				fmt.Fprintf(out, "%sleft as it is: %s %s\n", prefix, s.where, s.shown)
			case s.to != "" && s.note != "":
				fmt.Fprintf(out, "%snote: %s %s\n", prefix, s.where, s.note)
			}
		}
	}
}
