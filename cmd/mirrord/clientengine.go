package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mirrord/internal/originals"
)

// clientEngine is a container engine that is told about a mirrord.
type clientEngine struct {
	dir  originals.Dir
	own  []string                           // the files that it writes; none = whichever there are
	bare bool                               // its file takes no comments: the text stands alone on stdout
	plan func(registries) ([]change, error) // what its files should become
	next func(out io.Writer, to registries) // says what is left to do
}

// change is a file as it should become; err is why it has to stay as it is.
type change struct {
	file originals.File
	text string
	err  error
}

type engineOptions struct {
	server, config, where string
	apply, revert         bool
}

// newEngineCommand makes a command with the flags that all engines share; where is
// the flag that names its file or directory.
func newEngineCommand(use, short, long, where, place, usage string, set func(o engineOptions) clientEngine) *cobra.Command {
	var o engineOptions
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long + "\n--apply writes it, --revert puts back what stood there byte for byte.",
		Args:  noArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		how := cmd.CommandPath()
		if cmd.Flags().Changed(where) {
			how += " --" + where + " " + o.where
		}
		return set(o).run(cmd, o, how)
	}
	cmd.Flags().StringVar(&o.server, "server", "", "URL of the mirrord, http://host:port (default: where the configuration listens)")
	cmd.Flags().StringVar(&o.config, "config", "", "the mirrord's configuration file (default: the built-in catalogue)")
	cmd.Flags().StringVar(&o.where, where, place, usage)
	cmd.Flags().BoolVar(&o.apply, "apply", false, "write it in place")
	cmd.Flags().BoolVar(&o.revert, "revert", false, "put back what stood there")
	return cmd
}

func (e clientEngine) run(cmd *cobra.Command, o engineOptions, how string) error {
	if o.apply && o.revert {
		return usagef(cmd, "--apply and --revert exclude each other")
	}
	if o.revert {
		return revertFiles(cmd, e.dir, e.own...)
	}
	cfg, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	to, err := findRegistries(cmd, o.server, cfg)
	if err != nil {
		return err
	}
	all, err := e.plan(to)
	if err != nil {
		return err
	}
	if o.apply {
		return e.apply(cmd, to, all, how)
	}
	return e.print(cmd, to, all)
}

// print puts the files on stdout and everything else on stderr.
func (e clientEngine) print(cmd *cobra.Command, to registries, all []change) error {
	out, stderr, refused := cmd.OutOrStdout(), cmd.ErrOrStderr(), 0
	for i, c := range all {
		if c.err != nil {
			fmt.Fprintf(stderr, "mirrord: %s\n", oneLine(c.err.Error()))
			refused++
			continue
		}
		if !e.bare && i > 0 {
			fmt.Fprintln(out)
		}
		if !e.bare {
			fmt.Fprintf(out, "# %s\n", e.dir.Path(c.file.Name))
		}
		io.WriteString(out, c.text)
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d files cannot be written", refused, len(all))
	}
	e.next(stderr, to)
	return nil
}

// apply writes every file that it may, and fails in the end where one was refused.
func (e clientEngine) apply(cmd *cobra.Command, to registries, all []change, how string) error {
	refused, written := 0, 0
	for _, c := range all {
		done, err := false, c.err
		if err == nil {
			done, err = e.dir.Apply(c.file, c.text)
		}
		switch {
		case c.err != nil || errors.Is(err, originals.ErrEdited):
			fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %s\n", oneLine(err.Error()))
			refused++
		case err != nil:
			return err
		case done:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: written\n", e.dir.Path(c.file.Name))
			written++
		}
	}
	switch {
	case refused > 0:
		return fmt.Errorf("%d of %d files were not written", refused, len(all))
	case written == 0:
		fmt.Fprintf(cmd.OutOrStdout(), "Nothing to do: %s is in use already.\n", to.server.URL)
	default:
		e.next(cmd.OutOrStdout(), to)
		fmt.Fprintf(cmd.OutOrStdout(), "To undo: %s --revert\n", how)
	}
	return nil
}
