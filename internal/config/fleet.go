package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Fleet is a mirrord's place in a fleet. It may be both a hub and an edge.
type Fleet struct {
	Serve     bool // edges are served
	PlainHTTP bool // over plain HTTP too, by and to other machines

	Hub       *url.URL    // nil = it is no edge
	TLS       *tls.Config // what connections to the hub need that others do not, nil = nothing
	TokenFile string      // a file that could be read at load
	Metered   bool        // the link to the hub costs by the byte
	Fallback  bool        // the repositories' upstreams are asked while the hub fails
	Repos     map[string]Policy
}

// Policy says what an edge fetches of a repository before it is asked.
type Policy string

// OnDemand fetches nothing, Used what clients use.
const (
	OnDemand Policy = "on-demand"
	Used     Policy = "used"
)

const (
	expectedPolicy = "on-demand or used"
	expectedLink   = "metered or unmetered"
	expectedHub    = "a URL such as https://hub.example:8443, without user and path"
)

// fleet reads the key fleet, but for what is known only when all repositories are.
func (r *reader) fleet(f *Fleet) setter {
	return func(n ast.Node) error {
		var ca string
		err := r.mapping(n, "fleet", map[string]setter{
			"serve":      value(r, &f.Serve, "serve", expectedBool, parseBool),
			"plain_http": value(r, &f.PlainHTTP, "plain_http", expectedBool, parseBool),
			"hub":        value(r, &f.Hub, "hub", expectedHub, parseHub),
			"ca":         value(r, &ca, "ca", expectedCert, parseReadable),
			"token_file": value(r, &f.TokenFile, "token_file", expectedFile, parseReadable),
			"fallback":   value(r, &f.Fallback, "fallback", expectedBool, parseBool),
			"link":       value(r, &f.Metered, "link", expectedLink, parseLink),
			"repos":      r.policies(&f.Repos),
		})
		edge := ca+f.TokenFile != "" || f.Fallback || f.Metered || f.Repos != nil
		switch {
		case err != nil:
			return err
		case f.Hub == nil && edge:
			return r.wrong(n, "fleet has keys of an edge and no hub, expected hub: %s", expectedHub)
		case f.Hub == nil && !f.Serve:
			return r.wrong(n, "fleet makes this mirrord neither hub nor edge, expected serve: true or hub")
		case f.Hub == nil:
			return nil
		case f.TokenFile == "":
			return r.wrong(n, "fleet has a hub and no token, expected token_file: %s", expectedFile)
		case len(f.Repos) == 0:
			return r.wrong(n, "fleet has a hub and no repos, expected a mapping of repositories to %s", expectedPolicy)
		case f.Hub.Scheme != "https" && !f.PlainHTTP && !isHere(f.Hub.Hostname()):
			return r.wrong(field(n, "hub"), "hub: the token would be readable on the way, expected an https URL, or plain_http: true")
		case ca != "" && f.Hub.Scheme != "https":
			return r.wrong(field(n, "ca"), "ca with a hub that is no https URL, expected one")
		case ca != "":
			if f.TLS, err = ownTLS("", "", ca); err != nil {
				return r.wrong(field(n, "ca"), "ca: %v", err)
			}
		}
		return nil
	}
}

func (r *reader) policies(to *map[string]Policy) setter {
	return func(n ast.Node) error {
		values, ok := pairs(n)
		if !ok {
			return r.wrong(n, "repos is %s, expected a mapping of repositories to %s", kind(n), expectedPolicy)
		}
		*to = make(map[string]Policy)
		for _, pair := range values {
			name, _ := scalar(pair.Key)
			var p Policy
			if err := value(r, &p, name, expectedPolicy, parsePolicy)(pair.Value); err != nil {
				return err
			}
			(*to)[name] = p
		}
		return nil
	}
}

// fleetRepos refuses what an edge cannot have of the repositories that there are.
func (r *reader) fleetRepos(n ast.Node, cfg *Config) error {
	named, _ := pairs(field(field(n, "fleet"), "repos"))
	for _, pair := range named {
		name, _ := scalar(pair.Key)
		i := slices.IndexFunc(cfg.Repos, func(repo Repo) bool { return repo.Name == name })
		if i < 0 {
			return r.wrong(pair.Key, "fleet: %q is no repository here, expected one of repos", name)
		}
		if cfg.Repos[i].Type == Generic && cfg.Fleet.Repos[name] == Used {
			return r.wrong(pair.Value, "fleet: used is not for type generic, of which no news are told; expected on-demand")
		}
		if cfg.Fleet.Fallback && len(cfg.Repos[i].Upstreams) == 0 {
			return r.wrong(pair.Key, "fleet: %s has lists of mirrors only, which are not asked for beside a hub; expected upstreams, or fallback: false", name)
		}
	}
	return nil
}

func parsePolicy(s string) (Policy, error) {
	if p := Policy(s); p == OnDemand || p == Used {
		return p, nil
	}
	return "", fmt.Errorf("%q is unknown", s)
}

func parseLink(s string) (metered bool, err error) {
	switch s {
	case "metered":
		return true, nil
	case "unmetered":
		return false, nil
	}
	return false, fmt.Errorf("%q is unknown", s)
}

func parseHub(s string) (*url.URL, error) {
	u, err := parsePublic(s)
	if err == nil && u.Path != "" {
		return nil, errors.New("has a path")
	}
	return u, err
}

// isHere reports a host that is this machine.
func isHere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
