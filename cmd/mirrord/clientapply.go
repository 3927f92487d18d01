package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mirrord/internal/sources"
)

// applyApt rewrites every file that it may, and fails in the end where one was
// refused.
func applyApt(cmd *cobra.Command, dir sources.Dir, all rewrites, server string) error {
	out, refused, written := cmd.OutOrStdout(), 0, 0
	for _, r := range all {
		done, err := dir.Apply(r.file, r.text)
		switch {
		case errors.Is(err, sources.ErrEdited):
			fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %v\n", err)
			refused++
		case err != nil:
			return err
		case done:
			written++
			for _, change := range r.changes {
				if change.To != "" {
					fmt.Fprintf(out, "%s: %s -> %s\n", change.Where(), change.Shown(), change.To)
				}
			}
		}
	}
	printLeft(out, "", all, server)
	if refused > 0 {
		return fmt.Errorf("%d of %d files were not rewritten", refused, len(all))
	}
	if written == 0 {
		fmt.Fprintln(out, "Nothing to do: the sources use", server, "already.")
		return nil
	}
	fmt.Fprintf(out, "%d files rewritten. Next: apt-get update. To undo: mirrord client apt --revert\n", written)
	return nil
}

// revertApt restores every file that it may, and fails in the end where one was
// refused.
func revertApt(cmd *cobra.Command, dir sources.Dir) error {
	all, err := dir.Revert()
	if err != nil {
		return err
	}
	refused := 0
	for _, file := range all {
		if file.Err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %s\n", oneLine(file.Err.Error()))
			refused++
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: the original is back\n", file.Name)
	}
	switch {
	case refused > 0:
		return fmt.Errorf("%d of %d files were not restored", refused, len(all))
	case len(all) == 0:
		fmt.Fprintln(cmd.OutOrStdout(), "Nothing to do: no file was rewritten.")
	}
	return nil
}
