package config

import (
	"slices"
	"testing"

	"mirrord/internal/mirrorlist"
)

func TestLists(t *testing.T) {
	const text = `repos:
  - name: one
    type: rpm
    metalink: https://lists.example/metalink?repo=a&arch=b
  - name: many
    type: rpm
    upstreams: ["https://a.example/m"]
    metalink:
      - {url: "https://lists.example/metalink?repo=f-$releasever&arch=$basearch", path: /rel/$releasever/$basearch/}
      - "http://127.0.0.1:81/metalink"
    mirrorlist: {url: "https://lists.example/list/$releasever", path: u/$releasever}
`
	cfg, err := Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	list := func(kind mirrorlist.Kind, url, path string) mirrorlist.List {
		return mirrorlist.List{Kind: kind, Template: mirrorlist.Template{URL: url, Path: path}}
	}
	for i, want := range [][]mirrorlist.List{
		{list("metalink", "https://lists.example/metalink?repo=a&arch=b", "")},
		{
			list("metalink", "https://lists.example/metalink?repo=f-$releasever&arch=$basearch", "rel/$releasever/$basearch"),
			list("metalink", "http://127.0.0.1:81/metalink", ""),
			list("mirrorlist", "https://lists.example/list/$releasever", "u/$releasever"),
		},
	} {
		if !slices.Equal(cfg.Repos[i].Lists, want) {
			t.Errorf("%s: %+v", cfg.Repos[i].Name, cfg.Repos[i].Lists)
		}
	}
}

func TestListsRefused(t *testing.T) {
	one := func(lists string) string {
		return "repos:\n  - name: a\n    type: rpm\n    " + lists + "\n"
	}
	refuse(t, []refusal{
		{one("metalink: http://lists.example/m"), `m.yaml:4: metalink: "http://lists.example/m" is not https, expected an https URL`},
		{one("metalink: http://localhost.example/m"), `is not https`},
		{one("metalink: https://u:hunter2@lists.example/m"), `has a user or a fragment`},
		{one("metalink: https://$host/m"), `names no host`},
		{one("metalink: {path: x}"), `m.yaml:4: metalink without a url`},
		{one("metalink: {url: 'https://l.example/$a', path: x}"), `m.yaml:4: metalink: $a stands in the url and not in the path`},
		{one("metalink: {url: 'https://l.example/$a', path: '../$a'}"), `"../$a" is not clean`},
		{one("metalink: {url: 'https://l.example/a', where: x}"), `unknown key "where" in metalink, expected one of: path, url`},
		{one("metalink: []"), `metalink is an empty list`},
		{one("metalink: ['https://l.example/a', 'https://l.example/a']"), `is listed twice`},
		{one("fresh: 1s"), `m.yaml:2: repository "a" has no upstreams`},
		{"repos: [{name: a, type: apt, upstreams: ['http://a'], mirrorlist: 'https://l.example/'}]", `m.yaml:1: mirrorlist is for type rpm, expected it there only`},
	})
}
