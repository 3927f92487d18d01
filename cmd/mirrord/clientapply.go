package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mirrord/internal/originals"
)

// apply rewrites every file that it may, and fails in the end where one was refused.
func (t sourceTool) apply(cmd *cobra.Command, all rewrites, server string) error {
	out, refused, written := cmd.OutOrStdout(), 0, 0
	for _, r := range all {
		done, err := r.apply()
		switch {
		case errors.Is(err, originals.ErrEdited):
			fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %v\n", err)
			refused++
		case err != nil:
			return err
		case done:
			written++
			for _, s := range r.sources {
				if s.to != "" {
					fmt.Fprintf(out, "%s: %s -> %s\n", s.where, s.shown, s.to)
				}
			}
		}
	}
	printLeft(out, "", all)
	if refused > 0 {
		return fmt.Errorf("%d of %d files were not rewritten", refused, len(all))
	}
	if written == 0 {
		fmt.Fprintln(out, "Nothing to do: the sources use", server, "already.")
		return nil
	}
	fmt.Fprintf(out, "%d files rewritten. Next: %s. To undo: %s\n", written, t.next, t.undo)
	return nil
}

// revertFiles restores every file that it may, and fails in the end where one was
// refused.
func revertFiles(cmd *cobra.Command, dir originals.Dir, names ...string) error {
	all, err := dir.Revert(names...)
	if err != nil {
		return err
	}
	refused := 0
	for _, file := range all {
		switch {
		case file.Err != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "mirrord: %s\n", oneLine(file.Err.Error()))
			refused++
		case file.Removed:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: removed, there was none before\n", file.Name)
		default:
			fmt.Fprintf(cmd.OutOrStdout(), "%s: the original is back\n", file.Name)
		}
	}
	switch {
	case refused > 0:
		return fmt.Errorf("%d of %d files were not restored", refused, len(all))
	case len(all) == 0:
		fmt.Fprintln(cmd.OutOrStdout(), "Nothing to do: no file was rewritten.")
	}
	return nil
}
