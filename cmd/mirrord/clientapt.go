package main

import (
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/sources"
)

func newClientAptCommand() *cobra.Command {
	return newSourceCommand("apt", "Point this machine's apt sources at a mirrord",
		"Prints this machine's apt sources with the mirrors that a mirrord serves replaced by it.",
		"apt-dir", aptDir, "apt's configuration directory", aptTool)
}

// aptDir is where apt looks.
const aptDir = "/etc/apt"

func aptTool(o sourceOptions, how string) sourceTool {
	return sourceTool{
		dir: o.dir, next: "apt-get update", undo: how + " --revert", lines: sourceLines,
		rewrite: func(server string, cfg *config.Config) (rewrites, error) {
			matcher, err := newMatcher(cfg)
			if err != nil {
				return nil, err
			}
			return rewriteApt(sources.Dir(o.dir), matcher, server)
		},
	}
}

func rewriteApt(dir sources.Dir, matcher *sources.Matcher, server string) (rewrites, error) {
	files, err := dir.Read()
	if err != nil {
		return nil, err
	}
	var all rewrites
	for _, file := range files {
		text, changes := file.Rewrite(matcher, server)
		r := rewrite{name: file.Name, text: text, apply: func() (bool, error) { return dir.Apply(file, text) }}
		for _, c := range changes {
			r.sources = append(r.sources, rewritten{c.Where(), c.Shown(), c.To, strings.HasPrefix(c.URI, server+"/"), ""})
		}
		all = append(all, r)
	}
	return all, nil
}
