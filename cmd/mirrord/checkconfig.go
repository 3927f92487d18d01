package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCheckConfigCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Read a configuration and say whether it can be used",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file)
			if err != nil {
				return err
			}
			noun := "repositories"
			if len(cfg.Repos) == 1 {
				noun = "repository"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: ok, %d %s\n", cfg.File, len(cfg.Repos), noun)
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file (default: the built-in catalogue)")
	return cmd
}
