package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker, -ldflags "-X main.version=v1.2.3", else it is what
// the go command knows of the module, if anything.
var version string

func init() {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		version = strings.Trim(info.Main.Version, "()") // "(devel)"; it also goes into a User-Agent
	}
}

// commit is the start of the commit's hash with a comma after it, or "".
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value[:min(12, len(setting.Value))] + ", "
		}
	}
	return ""
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "mirrord %s (%s%s, %s/%s)\n",
				cmp.Or(version, "devel"), commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
