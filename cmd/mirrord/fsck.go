package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mirrord/internal/cache"
)

func newFsckCommand() *cobra.Command {
	var file, data string
	var repair bool
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Re-hash every stored object and check every entry",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				cfg, err := loadConfig(file)
				if err != nil {
					return err
				}
				data = cfg.DataDir
			}
			return fsck(cmd, data, repair)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file, for its data directory")
	cmd.Flags().StringVar(&data, "data", "", "data directory")
	cmd.Flags().BoolVar(&repair, "repair", false, "drop what is wrong, and take back files that are right and have no record")
	return cmd
}

// fsck prints each problem on a line, then the sum. Problems that were not
// repaired are an error.
func fsck(cmd *cobra.Command, dir string, repair bool) error {
	if err := isKept(dir); err != nil {
		return err
	}
	store, err := cache.Open(cache.Options{Dir: dir, Rebuild: repair})
	if err != nil {
		return fmt.Errorf("data directory %s: %w", dir, err)
	}
	defer store.Close()
	rep, err := store.Fsck(cmd.Context(), repair)
	out := cmd.OutOrStdout()
	for _, p := range rep.Problems {
		fmt.Fprintln(out, p)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d objects, %d bytes, %d partials: %d problems", dir, rep.Objects, rep.Bytes, rep.Partials, len(rep.Problems))
	if repair {
		fmt.Fprintf(out, ", %d repaired", rep.Repaired)
	}
	fmt.Fprintln(out)
	if left := len(rep.Problems) - rep.Repaired; left > 0 {
		return fmt.Errorf("%d problems in %s; mirrord fsck --repair drops what is wrong", left, dir)
	}
	return nil
}

// isKept tells whether there is a data directory.
func isKept(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "blobs")); err != nil {
		return fmt.Errorf("data directory %s: no mirrord has kept anything there: %w", dir, rootCause(err))
	}
	return nil
}
