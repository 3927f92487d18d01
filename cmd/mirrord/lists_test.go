package main

import (
	"strings"
	"testing"

	"mirrord/internal/config"
	"mirrord/internal/mirrorlist"
)

// TestAnsweredLists: of the built-in catalogue every public list is answered; of a
// configuration those that it has, and those of the archive that it mirrors.
func TestAnsweredLists(t *testing.T) {
	catalogue, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	all, err := answeredLists(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range all {
		n += len(l.Templates)
	}
	if n != len(mirrorlist.All) {
		t.Errorf("%d lists are answered, expected %d", n, len(mirrorlist.All))
	}
	cfg, err := config.Parse("m.yaml", []byte(`repos:
- {name: mine, type: rpm, upstreams: ["https://dl.fedoraproject.org/pub/fedora/linux"], metalink: {url: "https://l.example/metalink?repo=m-$releasever", path: $releasever}}
- {name: rocky, type: rpm, upstreams: ["http://10.0.0.5/rocky"]}
- {name: bare, type: rpm, upstreams: ["http://10.0.0.5/bare"]}
- {name: epel, type: generic, upstreams: ["http://10.0.0.5/epel"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if all, err = answeredLists(cfg); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range all {
		for _, ask := range []string{"m-40", "fedora-40", "BaseOS-9", "epel-9"} {
			q, _ := mirrorlist.ParseQuestion("mirrorlist", "arch=x86_64&repo="+ask)
			for _, template := range l.Templates {
				if place, ok := template.Answers(q); ok {
					got = append(got, l.Repo+"/"+place)
				}
			}
		}
	}
	if want := "mine/40 mine/releases/40/Everything/x86_64/os rocky/9/BaseOS/x86_64/os"; strings.Join(got, " ") != want {
		t.Errorf("%q, expected %s", got, want)
	}
}
