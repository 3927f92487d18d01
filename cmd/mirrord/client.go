package main

import "github.com/spf13/cobra"

func newClientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Set this machine's package tools and container engines up to use a mirrord",
		Args:  noArgs,
		RunE:  needsCommand,
	}
	cmd.AddCommand(newClientAptCommand(), newClientDnfCommand(), newClientDockerCommand(), newClientContainerdCommand(), newClientPodmanCommand())
	return cmd
}
