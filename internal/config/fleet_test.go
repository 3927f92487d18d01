package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFleet(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("mirrord_x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(fleet string) string {
		return "fleet: " + fleet + `
repos:
  - {name: a, type: apt, upstreams: ["http://a.example/d"]}
  - {name: g, type: generic, upstreams: ["http://a.example/d"]}
  - {name: l, type: rpm, mirrorlist: [{url: "https://a.example/l", path: r}]}
`
	}
	edge := `{hub: "https://hub.example:8443", token_file: ` + token + `, `
	cfg, err := Parse("m.yaml", []byte(with(edge+`serve: true, fallback: true, repos: {a: used, g: on-demand}}`)))
	if err != nil {
		t.Fatal(err)
	}
	if f := cfg.Fleet; !f.Serve || !f.Fallback || f.Hub.String() != "https://hub.example:8443" || f.TokenFile != token ||
		f.Repos["a"] != Used || f.Repos["g"] != OnDemand {
		t.Errorf("%+v", f)
	}
	if _, err := Parse("m.yaml", []byte("fleet: "+edge+"repos: {debian: on-demand}}\n")); err != nil {
		t.Errorf("of the catalogue: %v", err)
	}
	refuse(t, []refusal{
		{with(`{}`), `m.yaml:1: fleet makes this mirrord neither hub nor edge, expected serve: true or hub`},
		{with(`{serve: maybe}`), `m.yaml:1: serve: "maybe" is neither, expected true or false`},
		{with(`{serve: true, fallback: true}`), `m.yaml:1: fleet has keys of an edge and no hub`},
		{with(`{hub: "https://h.example", repos: {a: on-demand}}`), `m.yaml:1: fleet has a hub and no token`},
		{with(`{hub: "https://h.example", token_file: /nowhere, repos: {a: on-demand}}`), `m.yaml:1: token_file: "/nowhere" cannot be read`},
		{with(edge + `}`), `m.yaml:1: fleet has a hub and no repos`},
		{with(edge + `repos: [a]}`), `m.yaml:1: repos is a list, expected a mapping of repositories to on-demand or used`},
		{with(edge + `repos: {a: some}}`), `m.yaml:1: a: "some" is unknown, expected on-demand or used`},
		{with(edge + `repos: {b: on-demand}}`), `m.yaml:1: fleet: "b" is no repository here`},
		{with(edge + `repos: {g: used}}`), `m.yaml:1: fleet: used is not for type generic`},
		{with(edge + `fallback: true, repos: {l: on-demand}}`), `m.yaml:1: fleet: l has lists of mirrors only`},
		{with(`{hub: "http://h.example", token_file: ` + token + `, repos: {a: on-demand}}`), `m.yaml:1: hub: the token would be readable on the way`},
		{with(`{hub: "https://u:hunter2@h.example", token_file: ` + token + `, repos: {a: on-demand}}`), `m.yaml:1: hub: "...@h.example" has a user`},
		{with(`{hub: "https://h.example/x", token_file: ` + token + `, repos: {a: on-demand}}`), `m.yaml:1: hub: has a path`},
		{with(`{hub: "http://127.0.0.1:1", ca: ` + token + `, token_file: ` + token + `, repos: {a: on-demand}}`), `m.yaml:1: ca with a hub that is no https URL`},
		{with(`{hub: "https://h.example", ca: ` + token + `, token_file: ` + token + `, repos: {a: on-demand}}`), `holds no certificate`},
	})
}
