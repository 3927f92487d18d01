package sources

import (
	"fmt"
	"strings"
)

// Release is what a machine's os-release says of its distribution.
type Release struct{ ID, Codename string }

// ParseRelease reads os-release(5).
func ParseRelease(text string) Release {
	var r Release
	for l := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(l), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			r.ID = value
		case "VERSION_CODENAME":
			r.Codename = value
		}
	}
	return r
}

// codename is the machine's own where it runs that distribution, else one that
// is sure to exist.
func (r Release) codename(id, otherwise string) string {
	if r.ID == id && r.Codename != "" {
		return r.Codename
	}
	return otherwise
}

const (
	debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	ubuntuKeyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
)

// Examples are the lines for a client's sources.list to use the repository at
// server, the base URL of a mirrord.
func Examples(server, name, archive string, r Release) []string {
	url := strings.TrimRight(server, "/") + "/" + name
	deb := func(keyring, suite, components string) string {
		return fmt.Sprintf("deb [signed-by=%s] %s %s %s", keyring, url, suite, components)
	}
	debian, ubuntu := r.codename("debian", "stable"), r.codename("ubuntu", "noble")
	switch archive {
	case "debian":
		return []string{deb(debianKeyring, debian, "main"), deb(debianKeyring, debian+"-updates", "main")}
	case "debian-security":
		return []string{deb(debianKeyring, debian+"-security", "main")}
	case "ubuntu", "ubuntu-ports":
		return []string{deb(ubuntuKeyring, ubuntu, "main universe"), deb(ubuntuKeyring, ubuntu+"-updates", "main universe")}
	case "ubuntu-security":
		return []string{deb(ubuntuKeyring, ubuntu+"-security", "main universe")}
	}
	return []string{"deb " + url + " SUITE COMPONENT"}
}
