package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/durable"
	"mirrord/internal/sources"
)

type initOptions struct {
	output, aptDir, listen, data string
	force                        bool
}

func newInitCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a configuration that mirrors what this machine's apt uses",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runInit(cmd, o) },
	}
	cmd.Flags().StringVar(&o.output, "output", "", "file to write (default: standard output)")
	cmd.Flags().StringVar(&o.aptDir, "apt-dir", "/etc/apt", "apt's configuration directory")
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
	files, err := sources.Dir(o.aptDir).Read()
	if err != nil {
		return err
	}
	archives, err := newMatcher(&config.Config{})
	if err != nil {
		return err
	}
	origins, notes := sources.Origins(files, archives, sources.Rules{
		Upstream: config.ParseUpstream, Keyring: config.ParseKeyring, Name: config.ParseName,
	})
	if len(origins) == 0 {
		return fmt.Errorf("no source under %s can be mirrored; without a configuration, mirrord serves the built-in catalogue", o.aptDir)
	}
	draft := config.Draft{Listen: listen, DataDir: o.data, Notes: notes}
	perm := fs.FileMode(0o644)
	for _, origin := range origins {
		draft.Repos = append(draft.Repos, draftRepo(origin))
		if origin.URL.User != nil {
			perm = 0o600 // it holds a password
		}
	}
	if err := writeDraft(cmd, o, draft.YAML(), perm); err != nil {
		return err
	}
	sayNext(cmd, o)
	return nil
}

func draftRepo(origin *sources.Origin) config.DraftRepo {
	notes := []string{"from"}
	for i, where := range origin.Used {
		if i > 0 {
			notes[0] += ","
		}
		notes[0] += " " + where
	}
	return config.DraftRepo{
		Name: origin.Name, Upstream: origin.URL.String(), Keyring: origin.Keyring,
		Notes: append(notes, origin.Notes...),
	}
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

func sayNext(cmd *cobra.Command, o initOptions) {
	file := o.output
	if file == "" {
		file = "mirrord.yaml"
	}
	aptDir := ""
	if cmd.Flags().Changed("apt-dir") {
		aptDir = " --apt-dir " + o.aptDir
	}
	stderr := cmd.ErrOrStderr()
	fmt.Fprintln(stderr, "Next:")
	fmt.Fprintf(stderr, "  mirrord serve --config %s\n", file)
	fmt.Fprintf(stderr, "  mirrord client apt --config %s%s --apply\n", file, aptDir)
}
