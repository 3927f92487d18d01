package config

import (
	"reflect"
	"regexp"
	"testing"
)

// The draft's registry, uncommented as it says, is the catalogue's.
func TestDraftHasTheCataloguesRegistry(t *testing.T) {
	draft := Draft{Listen: ":1", DataDir: "/srv", Repos: []DraftRepo{{Type: Apt, Name: "debian", Upstream: "http://a.example"}}, Notes: []string{"cdrom"}}
	text := regexp.MustCompile(`(?m)^  # `).ReplaceAll(draft.YAML(), []byte("  "))
	cfg, err := Parse("m.yaml", text)
	if err != nil || len(cfg.Repos) != 2 {
		t.Fatalf("%v\n%s", err, text)
	}
	catalogue, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, repo := range catalogue.Repos {
		if repo.Name == hub && !reflect.DeepEqual(cfg.Repos[1], repo) {
			t.Errorf("got %+v\nwant %+v", cfg.Repos[1], repo)
		}
	}
}
