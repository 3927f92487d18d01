package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitUsage
)

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(stderr, root.ExecuteContext(ctx))
}

// exitCode says on one line what went wrong. A configuration error stands without
// a prefix, in the FILE:LINE form that editors know.
func exitCode(stderr io.Writer, err error) int {
	var usage *usageError
	var refused *config.Error
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &refused):
		fmt.Fprintln(stderr, refused)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "mirrord: %s; see %s --help\n", oneLine(usage.msg), usage.command)
		return exitUsage
	}
	fmt.Fprintf(stderr, "mirrord: %s\n", oneLine(err.Error()))
	return exitFailed
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// usageError is a command line that makes no sense.
type usageError struct{ command, msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Sprintf(format, args...)}
}

// noArgs refuses what is left when the flags are taken.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		return usagef(cmd, "unknown command %q", args[0])
	}
	return usagef(cmd, "unexpected argument %q", args[0])
}

// needsCommand is what a command that only holds others does by itself.
func needsCommand(cmd *cobra.Command, _ []string) error {
	return usagef(cmd, "a command is missing")
}
