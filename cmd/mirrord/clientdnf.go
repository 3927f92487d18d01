package main

import (
	"strings"

	"github.com/spf13/cobra"

	"mirrord/internal/config"
	"mirrord/internal/yumrepos"
)

func newClientDnfCommand() *cobra.Command {
	return newSourceCommand("dnf", "Point this machine's dnf, yum or zypper repositories at a mirrord",
		"Prints this machine's .repo files with the mirrors and lists that a mirrord serves replaced by it.",
		"dir", yumDir, "directory of the .repo files; zypper's is /etc/zypp/repos.d", dnfTool)
}

// yumDir is where dnf and yum look.
const yumDir = "/etc/yum.repos.d"

func dnfTool(o sourceOptions, how string) sourceTool {
	next := "dnf makecache"
	if strings.Contains(o.dir, "zypp") {
		next = "zypper refresh"
	}
	return sourceTool{
		dir: o.dir, next: next, undo: how + " --revert", lines: baseurlLines,
		rewrite: func(server string, cfg *config.Config) (rewrites, error) {
			matcher, err := newYumMatcher(cfg)
			if err != nil {
				return nil, err
			}
			return rewriteDnf(yumrepos.Dir(o.dir), matcher, server)
		},
	}
}

func rewriteDnf(dir yumrepos.Dir, matcher *yumrepos.Matcher, server string) (rewrites, error) {
	files, err := dir.Read()
	if err != nil {
		return nil, err
	}
	var all rewrites
	for _, file := range files {
		text, changes := file.Rewrite(matcher, server)
		r := rewrite{name: file.Name, text: text, apply: func() (bool, error) { return dir.Apply(file, text) }}
		for _, c := range changes {
			quiet := !c.Enabled || strings.HasPrefix(c.Sources[0].URL, server+"/")
			note := ""
			if len(c.Beside) > 0 {
				note = "has " + strings.Join(c.Beside, ", ") + ", which dnf now uses with " + server
			}
			r.sources = append(r.sources, rewritten{c.Where(), c.Shown(), c.To, quiet, note})
		}
		all = append(all, r)
	}
	return all, nil
}

// rpmRepos are the configuration's rpm repositories.
func rpmRepos(cfg *config.Config) []yumrepos.Repo {
	var all []yumrepos.Repo
	for _, repo := range cfg.Repos {
		if repo.Type == config.RPM {
			all = append(all, yumrepos.Repo{Name: repo.Name, Upstreams: repo.Upstreams, Lists: repo.Lists})
		}
	}
	return all
}

// newYumMatcher is newMatcher for .repo files.
func newYumMatcher(cfg *config.Config) (*yumrepos.Matcher, error) {
	catalogue, err := config.Default()
	if err != nil {
		return nil, err
	}
	return yumrepos.NewMatcher(rpmRepos(cfg), rpmRepos(catalogue)), nil
}

// baseurlLines are what a client of the mirrord at server puts into its .repo files,
// one line for each rpm repository.
func baseurlLines(server string, cfg *config.Config) ([]string, error) {
	matcher, err := newYumMatcher(cfg)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, repo := range rpmRepos(cfg) {
		all = append(all, yumrepos.Example(server, repo.Name, matcher.Archive(repo.Name)))
	}
	return all, nil
}
