package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mirrord/internal/mirror"
)

// stated is what GET status answers.
type stated struct {
	Version string
	Started time.Time
	Offline bool
	Store   struct {
		Objects, Bytes int64
		Reserved       int64 `json:"reserved_bytes"`
		MaxSize        int64 `json:"max_bytes"`
		Flights        int
	}
	Scrub *mirror.ScrubState
	Repos []mirror.RepoState
}

func newStatusCommand() *cobra.Command {
	var o remoteOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what a running mirrord has stored and how its upstreams are",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.open(cmd)
			if err != nil {
				return err
			}
			var s stated
			if err := r.call(cmd.Context(), "GET", "/status", nil, &s); err != nil || r.json {
				return err
			}
			return s.print(r.out)
		},
	}
	o.flags(cmd)
	return cmd
}

func (s stated) print(out io.Writer) error {
	offline := map[bool]string{true: ", offline", false: ""}[s.Offline]
	fmt.Fprintf(out, "mirrord %s, since %s%s\n", s.Version, s.Started.Local().Format(time.DateTime), offline)
	fmt.Fprintf(out, "%d objects, %s", s.Store.Objects, megabytes(s.Store.Bytes))
	if s.Store.MaxSize > 0 {
		fmt.Fprintf(out, " of %s", megabytes(s.Store.MaxSize))
	}
	fmt.Fprintf(out, "; %d downloads under way\n%s\n\n", s.Store.Flights, scrubbed(s.Scrub))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REPOSITORY\tUPSTREAM\tSTATE\tFIRST BYTE\tTHROUGHPUT\tLAST ERROR")
	for _, repo := range s.Repos {
		name := repo.Name
		for _, m := range repo.Upstreams {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", name, m.Mirror, stateOf(m), seconds(m.FirstByte), rate(m.Throughput), oneLine(m.Error))
			name = ""
		}
	}
	return w.Flush()
}

// scrubbed words how far the reading of all objects is.
func scrubbed(s *mirror.ScrubState) string {
	switch {
	case s == nil:
		return "not scrubbed"
	case s.Part < 1:
		return fmt.Sprintf("scrubbed to %.0f %%, %d rotten", s.Part*100, s.Rotten)
	}
	return fmt.Sprintf("scrubbed to the end on %s, %d rotten", when(s.Ended), s.Rotten)
}

// stateOf words how a mirror is.
func stateOf(m mirror.MirrorState) string {
	switch {
	case m.State == "open" && m.Until != nil:
		return "left alone until " + m.Until.Local().Format(time.TimeOnly)
	case m.State != "closed":
		return "on trial"
	case m.Behind:
		return "behind"
	case m.Used == nil:
		return "not asked yet"
	}
	return "well"
}

func seconds(s float64) string {
	if s == 0 {
		return "-"
	}
	return (time.Duration(s * float64(time.Second))).Round(time.Millisecond).String()
}

func rate(bytesPerSecond float64) string {
	if bytesPerSecond == 0 {
		return "-"
	}
	return megabytes(int64(bytesPerSecond)) + "/s"
}

func newObjectsCommand() *cobra.Command {
	limit := 0
	flags := func(cmd *cobra.Command) {
		cmd.Flags().IntVar(&limit, "limit", 0, "how many lines at most, 0 for all")
	}
	return newVerb("objects TARGET", "List what a mirrord has stored", flags, func(cmd *cobra.Command, r *adminClient, t target) error {
		if limit < 0 {
			return usagef(cmd, "--limit %d, expected 0 or more", limit)
		}
		w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
		q := t.query()
		for left := limit; ; {
			n := mirror.ObjectsMost
			if limit > 0 {
				n = min(n, left)
			}
			q.Set("limit", strconv.Itoa(n))
			var page struct {
				Objects []mirror.Object
				Next    string
			}
			if err := r.call(cmd.Context(), "GET", "/objects?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			for _, o := range page.Objects {
				if !r.json {
					fmt.Fprintf(w, "%d\t%s\t%s\t%s/%s\n", o.Size, o.Accessed.Format(time.RFC3339), o.Digest, o.Repo, o.Path)
				}
			}
			left -= len(page.Objects)
			if q.Set("after", page.Next); page.Next == "" || limit > 0 && left <= 0 {
				return w.Flush()
			}
		}
	})
}

// explainPath has the mirrord tell what it knows of a path.
func explainPath(cmd *cobra.Command, o remoteOptions, arg string) error {
	r, err := o.open(cmd)
	if err != nil {
		return err
	}
	t := parseTarget(arg)
	q := url.Values{"repo": {t.Repo}, "path": {cmp.Or(t.Path, t.Prefix, t.Glob)}}
	var e mirror.Explanation
	if err := r.call(cmd.Context(), "GET", "/explain?"+q.Encode(), nil, &e); err != nil || r.json {
		return err
	}
	printExplanation(r.out, e)
	return nil
}

func printExplanation(out io.Writer, e mirror.Explanation) {
	row(out, "path", e.Repo+"/"+e.Path)
	row(out, "class", e.Class)
	row(out, "would", e.Would+": "+e.Why)
	told := func(name, value string) {
		if value != "" {
			row(out, name, value)
		}
	}
	if e.Root != nil {
		told("root", strings.Join([]string{cmp.Or(e.Root.Dir, "/"), "generation", string(e.Root.Generation), "of", when(e.Root.Date)}, " "))
		told("confirmed", when(e.Root.Checked))
		told("failure", oneLine(e.Root.Failure))
	}
	told("vouched by", e.VouchedBy)
	told("digest", string(e.Digest))
	if e.Stored {
		told("stored", fmt.Sprintf("%d bytes, used last %s", e.Size, when(e.Accessed)))
	}
	told("checked", when(e.Checked))
	told("fresh until", when(e.FreshUntil))
	told("pinned by", strings.Join(e.Pins, ", "))
	for _, m := range e.Upstreams {
		row(out, "upstream", m.Mirror+" "+stateOf(m))
	}
}

// when is a time for people, "" where there is none.
func when(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
