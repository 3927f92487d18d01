package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mirrord/internal/delta"
)

func newDeltaInspect() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "inspect DELTA",
		Short: "Say what a delta is for and what it consists of",
		Args:  filesNamed("DELTA"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			info, err := delta.Inspect(f, delta.Options{})
			if deltaAtFault(err) {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				return out.Encode(info)
			}
			return showDelta(cmd.OutOrStdout(), info)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON, with each stream")
	return cmd
}

func showDelta(out io.Writer, info delta.Info) error {
	row(out, "version", strconv.Itoa(info.Version))
	row(out, "base", fmt.Sprintf("%d bytes, %s", info.Base.Size, info.Base.Digest))
	row(out, "target", fmt.Sprintf("%d bytes, %s", info.Target.Size, info.Target.Digest))
	row(out, "delta", deltaSize(info))
	row(out, "trees", fmt.Sprintf("%d bytes", info.TreeSize))
	row(out, "patch", fmt.Sprintf("%d bytes, makes %d", info.PatchSize, info.Unfolded))
	row(out, "decisions", fmt.Sprintf("%d bytes", info.PackedSize))
	if len(info.Old)+len(info.New) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nFILE\tDEPTH\tKIND\tSTREAMS\tBYTES\tHOLD\tDECISIONS")
	for _, f := range []struct {
		name    string
		streams []delta.Stream
	}{{"base", info.Old}, {"target", info.New}} {
		for _, g := range grouped(f.streams) {
			fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%d\n", f.name, g.Depth, g.Kind, g.count, g.Len, g.Size, g.Packed)
		}
	}
	return w.Flush()
}

// streamGroup is the streams of one kind at one depth, their numbers summed up.
type streamGroup struct {
	delta.Stream
	count int
}

// grouped sums streams up, in the order of the first of each group.
func grouped(streams []delta.Stream) (groups []*streamGroup) {
	type key struct {
		depth int
		kind  string
	}
	of := map[key]*streamGroup{}
	for _, s := range streams {
		k := key{s.Depth, s.Kind}
		g := of[k]
		if g == nil {
			g = &streamGroup{Stream: delta.Stream{Depth: s.Depth, Kind: s.Kind}}
			of[k], groups = g, append(groups, g)
		}
		g.count++
		g.Len += s.Len
		g.Size += s.Size
		g.Packed += s.Packed
	}
	return groups
}
