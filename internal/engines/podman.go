package engines

import "strings"

// RegistriesConf is a file for podman's registries.conf.d: each registry is pulled
// through the server, and from the registry itself where the server fails. Registries
// that are not Behind have to be left out.
func RegistriesConf(s Server, registries []string) string {
	var text strings.Builder
	text.WriteString("# Written by mirrord client podman.\n")
	for _, name := range registries {
		if !Behind(name) {
			continue
		}
		text.WriteString("\n[[registry]]\nlocation = " + quote(name) + "\n\n")
		text.WriteString("[[registry.mirror]]\nlocation = " + quote(s.Host()+"/"+name) + "\n")
		if s.Plain() {
			text.WriteString("insecure = true\n")
		}
	}
	return text.String()
}
