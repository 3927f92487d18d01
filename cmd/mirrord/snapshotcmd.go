package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirrord/internal/mirror"
)

func newSnapshotCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Keep states of repositories, which are served at /REPO@NAME/",
		Args:  noArgs,
		RunE:  needsCommand,
	}
	cmd.AddCommand(newSnapshotCreateCommand(), newSnapshotListCommand(), newSnapshotDeleteCommand())
	return cmd
}

// oneSnapshot refuses a command line without exactly one snapshot's name.
func oneSnapshot(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usagef(cmd, "expected the name of one snapshot")
	}
	return nil
}

func newSnapshotCreateCommand() *cobra.Command {
	var o remoteOptions
	var repo string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Keep the state that repositories have now",
		Args:  oneSnapshot,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var got struct{ Snapshots []mirror.Snapshot }
			body := map[string]string{"repo": repo, "name": args[0]}
			if err := r.call(cmd.Context(), "POST", "/snapshots", body, &got); err != nil || r.json {
				return err
			}
			return r.listSnapshots(got.Snapshots)
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&repo, "repo", "", "of this repository only (default: of each)")
	return cmd
}

// listSnapshots prints a line for each.
func (r *adminClient) listSnapshots(all []mirror.Snapshot) error {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SERVED AT\tMADE\tROOTS\tFILES")
	for _, s := range all {
		fmt.Fprintf(w, "/%s@%s/\t%s\t%d\t%d\n", s.Repo, s.Name, when(&s.Created), len(s.Roots), s.Files)
	}
	return w.Flush()
}

func newSnapshotListCommand() *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the snapshots",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var got struct{ Snapshots []mirror.Snapshot }
			if err := r.call(cmd.Context(), "GET", "/snapshots", nil, &got); err != nil || r.json {
				return err
			}
			return r.listSnapshots(got.Snapshots)
		},
	}
	o.flags(cmd)
	return cmd
}

func newSnapshotDeleteCommand() *cobra.Command {
	var o remoteOptions
	var repo string
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Forget a snapshot, so that what only it names may be evicted",
		Args:  oneSnapshot,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			repos := []string{repo}
			if repo == "" {
				if repos, err = r.reposWith(cmd, args[0]); err != nil {
					return err
				}
			}
			for _, repo := range repos {
				var got struct{}
				if err := r.call(cmd.Context(), "DELETE", "/snapshots/"+url.PathEscape(repo)+"/"+url.PathEscape(args[0]), nil, &got); err != nil {
					return err
				}
				if !r.json {
					fmt.Fprintf(r.out, "deleted %s@%s\n", repo, args[0])
				}
			}
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&repo, "repo", "", "of this repository only (default: of each that has one of the name)")
	return cmd
}

// reposWith are the repositories that have a snapshot of that name, at least one.
func (r *adminClient) reposWith(cmd *cobra.Command, name string) (repos []string, err error) {
	quiet := *r
	quiet.json = false
	var got struct{ Snapshots []mirror.Snapshot }
	if err := quiet.call(cmd.Context(), "GET", "/snapshots", nil, &got); err != nil {
		return nil, err
	}
	for _, s := range got.Snapshots {
		if s.Name == name {
			repos = append(repos, s.Repo)
		}
	}
	if len(repos) == 0 {
		return nil, fmt.Errorf("no snapshot is called %q", name)
	}
	return repos, nil
}
