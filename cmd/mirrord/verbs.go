package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mirrord/internal/mirror"
)

// newVerb makes a command that calls the admin API for one TARGET.
func newVerb(use, short string, flags func(*cobra.Command), run func(cmd *cobra.Command, r *adminClient, t target) error) *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + ".\n\n" + targetHelp,
		Args:  oneTarget,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			return run(cmd, r, parseTarget(args[0]))
		},
	}
	o.flags(cmd)
	if flags != nil {
		flags(cmd)
	}
	return cmd
}

func oneTarget(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || args[0] == "":
		return usagef(cmd, "a target is missing, such as debian/pool/main/h/hello/")
	case len(args) > 1:
		return usagef(cmd, "unexpected argument %q", args[1])
	}
	return nil
}

func newPurgeCommand() *cobra.Command {
	body := struct {
		target
		DryRun bool `json:"dry_run,omitempty"`
		Force  bool `json:"force,omitempty"`
	}{}
	flags := func(cmd *cobra.Command) {
		cmd.Flags().BoolVar(&body.DryRun, "dry-run", false, "say what would go, and leave it")
		cmd.Flags().BoolVar(&body.Force, "force", false, "what is pinned goes too")
	}
	return newVerb("purge TARGET", "Take artifacts off a mirrord's disk", flags, func(cmd *cobra.Command, r *adminClient, t target) error {
		body.target = t
		var got mirror.Purged
		if err := r.call(cmd.Context(), "POST", "/purge", body, &got); err != nil || r.json {
			return err
		}
		verb := map[bool]string{true: "would purge", false: "purged"}[body.DryRun]
		fmt.Fprintf(r.out, "%s %s", verb, counted(got.Count))
		if got.Pinned > 0 {
			fmt.Fprintf(r.out, "; %d pinned stay, --force takes them too", got.Pinned)
		}
		fmt.Fprintln(r.out)
		return nil
	})
}

// counted words a Count: 3 objects, 1.2 MB.
func counted(c mirror.Count) string {
	noun := "objects"
	if c.Matched == 1 {
		noun = "object"
	}
	return fmt.Sprintf("%d %s, %s", c.Matched, noun, megabytes(c.Bytes))
}

func newRefreshCommand() *cobra.Command {
	return newVerb("refresh TARGET", "Have a mirrord ask upstream now, and check the stored bytes", nil, func(cmd *cobra.Command, r *adminClient, t target) error {
		if t.Glob != "" || t.Prefix != "" || t.Digest != "" {
			return usagef(cmd, "%q is more than one path, expected REPO or REPO/PATH", cmd.Flags().Arg(0))
		}
		var got struct{ Refreshed []mirror.Refreshed }
		if err := r.call(cmd.Context(), "POST", "/refresh", t, &got); err != nil {
			return err
		}
		failed := 0
		for _, one := range got.Refreshed {
			if one.Outcome == mirror.Failed || one.Outcome == mirror.GoneAway {
				failed++
			}
			if !r.json {
				fmt.Fprintf(r.out, "%-10s%s/%s", one.Outcome, one.Repo, one.Path)
				if one.Error != "" {
					fmt.Fprint(r.out, ": "+oneLine(one.Error))
				}
				fmt.Fprintln(r.out)
			}
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d not refreshed; what was stored of them still is", failed, len(got.Refreshed))
		}
		return nil
	})
}

func newPinCommand() *cobra.Command {
	return newKeepCommand("pin", "Keep stored artifacts from eviction", "pinned")
}

func newUnpinCommand() *cobra.Command {
	return newKeepCommand("unpin", "Let pinned artifacts be evicted again", "unpinned")
}

func newKeepCommand(verb, short, done string) *cobra.Command {
	return newVerb(verb+" TARGET", short, nil, func(cmd *cobra.Command, r *adminClient, t target) error {
		var got mirror.Count
		if err := r.call(cmd.Context(), "POST", "/"+verb, t, &got); err != nil || r.json {
			return err
		}
		fmt.Fprintf(r.out, "%s %s\n", done, counted(got))
		return nil
	})
}

func newGCCommand() *cobra.Command {
	var o remoteOptions
	body := struct {
		DryRun bool `json:"dry_run,omitempty"`
	}{}
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Drop what a mirrord has stored and nothing names any more",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var got mirror.Count
			if err := r.call(cmd.Context(), "POST", "/gc", body, &got); err != nil || r.json {
				return err
			}
			verb := map[bool]string{true: "would drop", false: "dropped"}[body.DryRun]
			fmt.Fprintf(r.out, "%s %s\n", verb, counted(got))
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&body.DryRun, "dry-run", false, "say what would go, and leave it")
	return cmd
}
