package main

import (
	"os"

	"mirrord/internal/config"
	"mirrord/internal/sources"
)

// sourceLines are what a client of the mirrord at server puts into its
// sources.list, one line for each suite of each apt repository.
func sourceLines(server string, cfg *config.Config) ([]string, error) {
	matcher, err := newMatcher(cfg)
	if err != nil {
		return nil, err
	}
	// Without the file the examples name releases that are sure to exist.
	text, _ := os.ReadFile("/etc/os-release")
	release := sources.ParseRelease(string(text))
	var all []string
	for _, repo := range aptRepos(cfg) {
		all = append(all, sources.Examples(server, repo.Name, matcher.Archive(repo.Name), release)...)
	}
	return all, nil
}
