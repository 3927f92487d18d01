package main

import (
	"cmp"
	"slices"

	"mirrord/internal/config"
	"mirrord/internal/mirrorlist"
	"mirrord/internal/server"
)

// answeredLists are the lists of mirrors that clients are answered: those that an rpm
// repository is configured with, and the public ones of the archive that it holds, or
// else is named after.
func answeredLists(cfg *config.Config) ([]server.Lists, error) {
	matcher, err := newYumMatcher(cfg)
	if err != nil {
		return nil, err
	}
	var all []server.Lists
	for _, r := range cfg.Repos {
		if r.Type != config.RPM {
			continue
		}
		l := server.Lists{Repo: r.Name}
		for _, list := range r.Lists {
			l.Templates = append(l.Templates, list.Template)
		}
		archive := cmp.Or(matcher.Archive(r.Name), r.Name)
		for _, k := range mirrorlist.All {
			if k.Archive == archive && !slices.Contains(l.Templates, k.Template) {
				l.Templates = append(l.Templates, k.Template)
			}
		}
		if len(l.Templates) > 0 {
			all = append(all, l)
		}
	}
	return all, nil
}
