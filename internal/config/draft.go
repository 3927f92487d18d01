package config

import (
	"fmt"
	"strings"

	"mirrord/configs"
	"mirrord/internal/mirrorlist"
)

// Draft is a configuration to be written for somebody to read and change.
type Draft struct {
	Listen  string
	DataDir string
	Repos   []DraftRepo
	Notes   []string // what could not be taken over, one line each
}

// DraftRepo is a repository of a Draft.
type DraftRepo struct {
	Name     string
	Type     Type
	Upstream string // "" where only lists name its mirrors
	Lists    []mirrorlist.List
	Keyring  string
	Notes    []string
}

// YAML is the text of the file.
func (d Draft) YAML() []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# A configuration of mirrord, made from what this machine installs from.")
	line("# Sizes are 50GiB or 512MiB, durations 10s or 5m. docs/config.md has every key.")
	line("")
	line("# Who may connect: 127.0.0.1 is this machine only, 0.0.0.0 is everybody.")
	line("listen: [%q]", d.Listen)
	line("data_dir: %q", d.DataDir)
	line("# The cache grows to max_size and leaves min_free of the file system alone.")
	line("cache: {max_size: %dGiB, min_free: %dGiB}", defaultMaxSize>>30, defaultMinFree>>30)
	line("")
	line("# A client reads http://HOST:PORT/NAME where its sources named the upstream.")
	line("# verify is off because mirrord does not check signatures yet. apt and dnf still")
	line("# do, with their own keys; the keyring is named here for when mirrord can.")
	line("repos:")
	for _, repo := range d.Repos {
		repo.write(line)
	}
	if len(d.Notes) > 0 {
		line("")
		line("# Not mirrored:")
	}
	for _, note := range d.Notes {
		line("#   %s", oneLine(note))
	}
	line("")
	line("# Container registries: uncomment. configs/default.yaml has more of them.")
	for _, text := range catalogued(hub) {
		line("  # %s", text)
	}
	return []byte(b.String())
}

// catalogued are the lines of a repository in the catalogue, less their indentation.
func catalogued(name string) []string {
	const start = "- name: "
	_, text, _ := strings.Cut(string(configs.Default), "  "+start+name+"\n")
	text, _, _ = strings.Cut(text, "\n\n")
	lines := []string{start + name}
	for text := range strings.Lines(text) {
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(text, "\n"), "  "))
	}
	return lines
}

func (repo DraftRepo) write(line func(string, ...any)) {
	for _, note := range repo.Notes {
		line("  # %s", oneLine(note))
	}
	line("  - name: %q", repo.Name)
	line("    type: %s", repo.Type)
	if repo.Upstream != "" {
		line("    upstreams: [%q]", repo.Upstream)
	}
	for _, kind := range []mirrorlist.Kind{mirrorlist.Metalink, mirrorlist.Mirrorlist} {
		header := true
		for _, l := range repo.Lists {
			if l.Kind != kind {
				continue
			}
			if header {
				line("    %s:", kind)
				header = false
			}
			line("      - {url: %q, path: %q}", l.URL, l.Path)
		}
	}
	if repo.Keyring != "" {
		line("    keyring: %q", repo.Keyring)
	}
	line("    verify: off")
}
