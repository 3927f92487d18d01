package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mirrord/internal/token"
)

func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Give out, list and revoke tokens for a mirrord's admin API and its edges",
		Args:  noArgs,
		RunE:  needsCommand,
	}
	cmd.AddCommand(newTokenAddCommand(), newTokenListCommand(), newTokenRevokeCommand())
	return cmd
}

// oneName refuses a command line without exactly one token's name.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usagef(cmd, "expected the name of one token")
	}
	return nil
}

func newTokenAddCommand() *cobra.Command {
	var o remoteOptions
	var role string
	var repos []string
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a token and print it, this once",
		Long:  "Makes a token and prints it, this once.\n\nread looks; operate also purges, refreshes, pins and warms; admin also gives out tokens.\nedge is another mirrord's, which is served the repositories named by --repo and may do nothing else.",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := token.ParseRole(role); err != nil {
				return usagef(cmd, "--role %q, expected read, operate, admin or edge", role)
			}
			if edge := role == string(token.Edge); edge != (len(repos) > 0) {
				return usagef(cmd, "--role %s with %d repositories, expected --repo NAME, once or more, with the role edge and with no other", role, len(repos))
			}
			if life < 0 || life > 0 && life < time.Second {
				return usagef(cmd, "--expires %s, expected a second or more", life)
			}
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			body := map[string]any{"name": args[0], "role": role, "expires_in": int64(life / time.Second)}
			if len(repos) > 0 {
				body["repos"] = repos
			}
			var got struct{ Secret string }
			if err := r.call(cmd.Context(), "POST", "/tokens", body, &got); err != nil || r.json {
				return err
			}
			fmt.Fprintln(r.out, got.Secret)
			return nil
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&role, "role", string(token.Read), "what it may do: read, operate, admin or edge")
	cmd.Flags().StringArrayVar(&repos, "repo", nil, "a repository that an edge is served; may be given more than once")
	cmd.Flags().DurationVar(&life, "expires", 0, "how long it is good for, such as 720h; 0 for ever")
	return cmd
}

func newTokenListCommand() *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, without secrets",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var got struct{ Tokens []token.Token }
			if err := r.call(cmd.Context(), "GET", "/tokens", nil, &got); err != nil || r.json {
				return err
			}
			w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tROLE\tMADE\tEXPIRES\tREPOSITORIES")
			for _, t := range got.Tokens {
				end := "never"
				if t.Expires != nil {
					end = when(t.Expires)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Role, when(&t.Created), end, cmp.Or(strings.Join(t.Repos, " "), "-"))
			}
			return w.Flush()
		},
	}
	o.flags(cmd)
	return cmd
}

func newTokenRevokeCommand() *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "End a token at once",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var got struct{}
			if err := r.call(cmd.Context(), "DELETE", "/tokens/"+url.PathEscape(args[0]), nil, &got); err != nil || r.json {
				return err
			}
			fmt.Fprintf(r.out, "revoked %s\n", args[0])
			return nil
		},
	}
	o.flags(cmd)
	return cmd
}
