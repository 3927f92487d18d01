package main

import (
	"net"

	"mirrord/internal/config"
	"mirrord/internal/sources"
)

// loadConfig reads the file, or the built-in catalogue where there is none.
func loadConfig(file string) (*config.Config, error) {
	if file == "" {
		return config.Default()
	}
	cfg, err := config.Load(file)
	if err == nil {
		_, err = aliases(cfg)
	}
	return cfg, err
}

// localURL is how a client on this machine reaches a listen address.
func localURL(listen string, tls bool) string {
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return scheme + listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// aptRepos are the configuration's apt repositories.
func aptRepos(cfg *config.Config) []sources.Repo {
	var all []sources.Repo
	for _, repo := range cfg.Repos {
		if repo.Type == config.Apt {
			all = append(all, sources.Repo{Name: repo.Name, Upstreams: repo.Upstreams})
		}
	}
	return all
}

// newMatcher matches a machine's sources against the configuration, with the
// built-in catalogue to know which mirrors hold the same archive.
func newMatcher(cfg *config.Config) (*sources.Matcher, error) {
	catalogue, err := config.Default()
	if err != nil {
		return nil, err
	}
	return sources.NewMatcher(aptRepos(cfg), aptRepos(catalogue)), nil
}
