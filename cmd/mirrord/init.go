package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/durable"
)

type initOptions struct {
	output, aptDir, yumDir, listen, data string
	force                                bool
}

func newInitCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration that mirrors what this machine's apt and dnf use",
		Long: "Writes a configuration that mirrors what this machine's apt sources and .repo files name.\n" +
			"Where one of the directories is given, only that is read.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runInit(cmd, o) },
	}
	cmd.Flags().StringVar(&o.output, "output", "", "file to write (default: standard output)")
	cmd.Flags().StringVar(&o.aptDir, "apt-dir", aptDir, "apt's configuration directory")
	cmd.Flags().StringVar(&o.yumDir, "yum-dir", yumDir, "directory of the .repo files; zypper's is /etc/zypp/repos.d")
	cmd.Flags().StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to listen on, host:port")
	cmd.Flags().StringVar(&o.data, "data", config.DefaultDataDir(), "data directory")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite the output file")
	return cmd
}

func runInit(cmd *cobra.Command, o initOptions) error {
	listen, err := config.ParseListen(o.listen)
	if err != nil {
		return usagef(cmd, "--listen: %v", err)
	}
	used, err := findOrigins(cmd, o)
	if err != nil {
		return err
	}
	if len(used.repos) == 0 {
		return fmt.Errorf("no source under %s can be mirrored; without a configuration, mirrord serves the built-in catalogue", strings.Join(used.dirs, " or "))
	}
	draft := config.Draft{Listen: listen, DataDir: o.data, Repos: used.repos, Notes: used.notes}
	perm := fs.FileMode(0o644)
	if used.password {
		perm = 0o600
	}
	if err := writeDraft(cmd, o, draft.YAML(), perm); err != nil {
		return err
	}
	sayNext(cmd, o, used)
	return nil
}

// writeDraft writes only what check-config would take.
func writeDraft(cmd *cobra.Command, o initOptions, text []byte, perm fs.FileMode) error {
	if _, err := config.Parse("(draft)", text); err != nil {
		return err
	}
	if o.output == "" {
		_, err := cmd.OutOrStdout().Write(text)
		return err
	}
	if _, err := os.Lstat(o.output); err == nil && !o.force {
		return fmt.Errorf("%s exists; --force overwrites it", o.output)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.WriteFile(o.output, text, perm)
}

func sayNext(cmd *cobra.Command, o initOptions, used origins) {
	file := o.output
	if file == "" {
		file = "mirrord.yaml"
	}
	stderr := cmd.ErrOrStderr()
	fmt.Fprintln(stderr, "Next:")
	fmt.Fprintf(stderr, "  mirrord serve --config %s\n", file)
	for _, tool := range []struct {
		kind            config.Type
		name, flag, dir string
		usual           string
	}{
		{config.Apt, "apt", "apt-dir", o.aptDir, aptDir},
		{config.RPM, "dnf", "dir", o.yumDir, yumDir},
	} {
		where := ""
		if tool.dir != tool.usual {
			where = " --" + tool.flag + " " + tool.dir
		}
		if used.has(tool.kind) {
			fmt.Fprintf(stderr, "  mirrord client %s --config %s%s --apply\n", tool.name, file, where)
		}
	}
}
