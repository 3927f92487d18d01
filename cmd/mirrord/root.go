package main

import "github.com/spf13/cobra"

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "mirrord",
		Short:         "A package mirror and caching proxy",
		Args:          noArgs,
		RunE:          needsCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%v", err) })
	root.AddCommand(
		newServeCommand(),
		newInitCommand(),
		newClientCommand(),
		newCheckConfigCommand(),
		newFsckCommand(),
		newImportCommand(),
		newExportCommand(),
		newDeltaCommand(),
		newHealthcheckCommand(),
		newWarmCommand(),
		newExplainCommand(),
		newStatusCommand(),
		newObjectsCommand(),
		newPurgeCommand(),
		newRefreshCommand(),
		newPinCommand(),
		newUnpinCommand(),
		newGCCommand(),
		newSnapshotCommand(),
		newTokenCommand(),
		newVersionCommand(),
	)
	return root
}
