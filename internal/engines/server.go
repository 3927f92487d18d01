package engines

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Server is a mirrord, by the base URL that clients reach it under.
type Server struct{ URL string }

// Host is "host:port" as image references name it, with the port only where the
// URL has one.
func (s Server) Host() string {
	_, host, _ := strings.Cut(s.URL, "://")
	return host
}

// Plain reports a server without TLS.
func (s Server) Plain() bool { return strings.HasPrefix(s.URL, "http://") }

// Insecure reports a server that docker talks to only when it is told that it may:
// one without TLS that is not on this machine.
func (s Server) Insecure() bool {
	u, err := url.Parse(s.URL)
	return s.Plain() && (err != nil || !loopback(u.Hostname()))
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// registry is a host with a port or none, in lower case: no path, no dots at its
// ends, nothing that a file name or a TOML string would have to escape.
var registry = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?$`)

// Registry reports whether name can be a registry's; names that a server tells are
// foreign, and become names of files.
func Registry(name string) bool { return len(name) <= 255 && registry.MatchString(name) }

// Behind reports whether references can have the registry behind the host of a
// mirrord, HOST/NAME/repository: a port has no place there.
func Behind(name string) bool { return !strings.Contains(name, ":") }

// Origin is the URL of the registry itself, as an engine without a mirror has it.
func Origin(name string) string {
	if name == "docker.io" {
		return "https://registry-1.docker.io"
	}
	host, _, err := net.SplitHostPort(name)
	if err != nil {
		host = name
	}
	if loopback(host) {
		return "http://" + name // what every engine does there
	}
	return "https://" + name
}
