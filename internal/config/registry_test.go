package config

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const registries = `
aliases:
  library/alpine:3.12: mirror.example/alpine:3.12-local
  "team/app": "hub/app"
repos:
  - name: docker.io
    default: true
    type: oci
    upstreams: ["https://Hub.example", "https://u:p@nexus.example/hub/"]
    realms: [Auth.example, "auth.example:8443"]
    redirects: ["*.cdn.example"]
    share: ["library/*", "team/**"]
    gone: serve
    login: true
  - {name: "registry.example:5000", type: oci, upstreams: ["http://127.0.0.1:5000/v2"], default: false, verify: off, fresh: 0s}
  - {name: ghcr.io, type: oci, upstreams: ["https://ghcr.example/v2/"], gone: warn}
`

func TestParseRegistries(t *testing.T) {
	cfg, err := Parse("m.yaml", []byte(registries))
	if err != nil {
		t.Fatal(err)
	}
	wantAliases := []Alias{
		{From: "library/alpine:3.12", To: "mirror.example/alpine:3.12-local", Line: 3},
		{From: "team/app", To: "hub/app", Line: 4},
	}
	if !reflect.DeepEqual(cfg.Aliases, wantAliases) {
		t.Errorf("aliases: %+v", cfg.Aliases)
	}
	hub := cfg.Repos[0]
	if urls := []string{hub.Upstreams[0].String(), hub.Upstreams[1].String()}; !reflect.DeepEqual(urls, []string{"https://hub.example/v2", "https://u:p@nexus.example/v2/hub"}) {
		t.Errorf("upstreams: %s", urls)
	}
	hub.Upstreams = nil
	wantHub := Repo{
		Name: "docker.io", Type: OCI, Default: true, Fresh: 5 * time.Minute, Redirects: []string{"*.cdn.example"},
		Realms: []string{"auth.example", "auth.example:8443"}, Share: []string{"library/*", "team/**"}, Gone: Serve, Login: true,
	}
	if !reflect.DeepEqual(hub, wantHub) {
		t.Errorf("docker.io:\n got %+v\nwant %+v", hub, wantHub)
	}
	local, ghcr := cfg.Repos[1], cfg.Repos[2]
	if local.Name != "registry.example:5000" || local.Upstreams[0].String() != "http://127.0.0.1:5000/v2" || local.Fresh != 0 || local.Gone != Deny || local.Default {
		t.Errorf("with a port: %+v", local)
	}
	if ghcr.Upstreams[0].String() != "https://ghcr.example/v2" || ghcr.Gone != Warn {
		t.Errorf("ghcr.io: %+v", ghcr)
	}
}

func TestDockerConfigIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Parse("m.yaml", []byte(registry("share: [a]\n    docker_config: "+file)))
	if err != nil || cfg.Repos[0].DockerConfig != file {
		t.Errorf("docker_config: %+v, %v", cfg, err)
	}
}

func TestRegistryURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://a":                  "https://a/v2",
		"https://a/":                 "https://a/v2",
		"https://a/v2":               "https://a/v2",
		"https://a/v2/":              "https://a/v2",
		"https://nexus.example/hub":  "https://nexus.example/v2/hub",
		"https://a/v2/hub/x/":        "https://a/v2/hub/x",
		"https://a/v2x":              "https://a/v2/v2x",
		"https://a/hub/v2":           "https://a/v2/hub/v2",
		"https://u:p@a:8443/hub":     "https://u:p@a:8443/v2/hub",
		"https://a/artifactory%2Fx":  "https://a/v2/artifactory%2Fx",
		"https://a/v2/artifact%2Fx/": "https://a/v2/artifact%2Fx",
	} {
		u, err := ParseUpstream(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := registryURL(u).String(); got != want {
			t.Errorf("registryURL(%q) = %q, want %q", in, got, want)
		}
	}
}

// registry is a file with one oci repository that has one more key.
func registry(key string) string {
	return "repos:\n  - name: a\n    type: oci\n    upstreams: [\"http://a.example\"]\n    " + key + "\n"
}

// hubShares is a file with a docker.io that shares the patterns.
func hubShares(patterns string) string {
	return strings.Replace(registry("share: ["+patterns+"]"), "name: a", "name: docker.io", 1)
}

func TestSharesOfDockerHub(t *testing.T) {
	for _, pattern := range []string{`"*"`, `"**"`, "library/alpine", "team/**"} {
		if _, err := Parse("m.yaml", []byte(hubShares(pattern))); err != nil {
			t.Error(err)
		}
	}
	if _, err := Parse("m.yaml", []byte(registry("share: [alpine]"))); err != nil {
		t.Errorf("elsewhere: %v", err)
	}
}

func TestRefusedRegistries(t *testing.T) {
	keyring := keyringFile(t)
	all := []refusal{
		{one("name: a", "name: a:5000"), `m.yaml:3: name: "a:5000" is not a repository name, expected lower-case`},
		{registry("keyring: " + keyring), `m.yaml:5: keyring is not for type oci`},
		{registry("verify: required"), `m.yaml:5: verify: required cannot be kept`},
		{registry("default: maybe"), `m.yaml:5: default: "maybe" is neither, expected true or false`},
		{registry("login: yes"), `m.yaml:5: login: "yes" is neither, expected true or false`},
		{registry("gone: keep"), `m.yaml:5: gone: "keep" is unknown, expected deny, warn or serve`},
		{registry("docker_config: /nonexistent/config.json"), `m.yaml:5: docker_config: "/nonexistent/config.json" cannot be read: no such file or directory, expected a file`},
		{registry("docker_config: " + keyring), `m.yaml:5: docker_config is used for what share lists only, expected share`},
		{strings.Replace(registry(""), `"http://a`, `"http://b", "http://joe:hunter2@a`, 1), `m.yaml:4: the user of upstream a.example is used for what share lists only, expected share`},
		{hubShares("alpine"), `m.yaml:5: share: "alpine" matches nothing of docker.io, expected "library/alpine"`},
		{hubShares("library/*, alp*"), `m.yaml:5: share: "alp*" matches nothing of docker.io, expected "library/alp*"`},
		{registry("realms: auth.example"), `m.yaml:5: realms is "auth.example", expected a list`},
		{registry(`realms: ["*.example"]`), `m.yaml:5: realms: "*.example" is not a host, expected a host such as`},
		{registry(`realms: ["https://auth.example/token"]`), `is not a host`},
		{registry(`realms: [""]`), `is not a host`},
		{registry("pull: true"), `m.yaml:5: unknown key "pull" in a repository, expected one of: connections, default, docker_config, fresh, gone, history, keyring, login, max_size, metalink, mirrorlist, name, rate, realms, redirects, share, type, upstreams, verify`},
		{strings.Replace(registry(""), "a.example\"", "a.example\", \"http://a.example/v2/\"", 1), `m.yaml:4: upstream "http://a.example/v2" is listed twice`},
		{registry("default: true\n  - {name: b, default: true, type: oci, upstreams: [\"http://b\"]}"), `m.yaml:6: a second default, the first is on line 5, expected one`},
		{registry("login: true\n  - {name: a, type: apt, upstreams: [\"http://b\"]}"), `m.yaml:6: repository name "a" is taken on line 2`},
		{"aliases: [a]\n", `m.yaml:1: aliases is a list, expected a mapping of references to references`},
		{"aliases:\n", `m.yaml:1: aliases is empty, expected a mapping`},
		{"aliases:\n  a: [b]\n", `m.yaml:2: aliases is a list, expected a name or a reference such as`},
		{"aliases:\n  a: \" \"\n", `m.yaml:2: aliases: is empty, expected a name`},
		{"aliases:\n  \"\": a\n", `m.yaml:2: aliases: is empty, expected a name`},
		{"aliases:\n  <<: {a: b}\n", `m.yaml:2: aliases is an anchor or alias, expected a name`},
		{"aliases:\n  a: b\n  \"a\": c\n", `m.yaml:3: mapping key "a" already defined`},
	}
	for _, name := range []string{"A", "a:0", "a:", "a:65536", "a:b", "a:1:2", "a/b", "v2", "v2:80", "[::1]:80", "-a"} {
		all = append(all, refusal{strings.Replace(registry(""), "name: a", `name: "`+name+`"`, 1), `m.yaml:2: name: "` + name + `"`})
	}
	for _, pattern := range []string{"", "/", "a/", "/a", "a//b", "A/*", "a**", "**/a", "a/**/b", "a/***", "***", "[a", "a/[]", `a\\*`, "a:1"} {
		all = append(all, refusal{registry(`share: ["` + pattern + `"]`), `m.yaml:5: share: "` + pattern + `"`})
	}
	for _, key := range []string{"realms: [a]", `share: ["*"]`, "gone: deny", "docker_config: " + keyring, "login: false"} {
		name, _, _ := strings.Cut(key, ":")
		all = append(all, refusal{one("type", key+", type"), "m.yaml:3: " + name + " is for type oci"})
	}
	refuse(t, all)
}

func TestShares(t *testing.T) {
	for _, tc := range []struct {
		pattern, yes, no string
	}{
		{"*", "alpine library/alpine a/b/c", ""},
		{"**", "alpine library/alpine a/b/c", ""},
		{"library/*", "library/alpine", "alpine library library/a/b team/alpine xlibrary/alpine"},
		{"team/**", "team/a team/a/b", "team teams/a x/team/a"},
		{"team-?/*/**", "team-a/b/c team-a/b/c/d", "team-a/b team-ab/b/c"},
		{"team/app", "team/app", "team/app2 team/app/x"},
		{"[ab]pp", "app bpp", "cpp"},
	} {
		repo := Repo{Share: []string{"other", tc.pattern}}
		for name := range strings.FieldsSeq(tc.yes) {
			if !repo.Shares(name) {
				t.Errorf("%q does not share %q", tc.pattern, name)
			}
		}
		for name := range strings.FieldsSeq(tc.no) {
			if repo.Shares(name) {
				t.Errorf("%q shares %q", tc.pattern, name)
			}
		}
	}
	if (Repo{}).Shares("library/alpine") {
		t.Error("no pattern shares")
	}
}

func TestErrorf(t *testing.T) {
	cfg := &Config{File: "m.yaml"}
	err := cfg.Errorf(7, "alias %q is not a\nreference", "x")
	var refused *Error
	if !errors.As(err, &refused) || err.Error() != `m.yaml:7: alias "x" is not a reference` {
		t.Errorf("Errorf: %v", err)
	}
}

// FuzzShare: a pattern that is accepted can be matched, and opens no more than it says.
func FuzzShare(f *testing.F) {
	f.Add("library/*", "library/alpine")
	f.Add("team/**", "team/a/b")
	f.Add("[a-", "a")
	f.Add("[/]/**", "a/b/c")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if _, err := parseShare(pattern); err != nil {
			return
		}
		if _, err := path.Match(pattern, name); err != nil {
			t.Errorf("%q is accepted and malformed", pattern)
		}
		first, _, _ := strings.Cut(pattern, "/")
		if strings.ContainsAny(first, "*?[") || !matchShare(pattern, name) {
			return
		}
		if got, _, _ := strings.Cut(name, "/"); got != first {
			t.Errorf("%q shares %q", pattern, name)
		}
	})
}
