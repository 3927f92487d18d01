package oci

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var table = Names{
	Default: Hub,
	Known:   map[string]bool{Hub: true, "ghcr.io": true, "mirror.example:5000": true, "plain": true},
	Library: map[string]bool{Hub: true},
}

// aliasTable reads pairs as the operator writes them.
func aliasTable(t *testing.T, pairs ...string) (Aliases, error) {
	t.Helper()
	var list []Alias
	for pair := range slices.Chunk(pairs, 2) {
		from, err := ParseReference(pair[0], Hub, nil)
		to, toErr := ParseReference(pair[1], Hub, nil)
		if err := errors.Join(err, toErr); err != nil {
			t.Fatal(err)
		}
		list = append(list, Alias{from, to})
	}
	return NewAliases(list)
}

// written is a list of places in one line.
func written(places []Place) string {
	var texts []string
	for _, p := range places {
		s := Reference{p.Registry, p.Repository, p.Tag, p.Digest}.String()
		if p.By != nil {
			s += " by " + p.By.From.String()
		}
		texts = append(texts, s)
	}
	return strings.Join(texts, ", ")
}

func byTag(repository, tag string) Request {
	return Request{Kind: KindManifest, Repository: repository, Tag: tag}
}

func TestPlaces(t *testing.T) {
	ns := byTag("a/b", "1")
	ns.Namespace = "ghcr.io"
	nsAndName := byTag("ghcr.io/a/b", "1")
	nsAndName.Namespace = Hub
	nsOne := byTag("alpine", "1")
	nsOne.Namespace = "ghcr.io"
	for _, tc := range []struct {
		r    Request
		want string
	}{
		{byTag("library/alpine", "3"), "docker.io/library/alpine:3"},
		{byTag("alpine", "3"), "docker.io/library/alpine:3, docker.io/alpine:3"},
		{byTag("docker.io/alpine", "3"), "docker.io/library/alpine:3, docker.io/alpine:3"},
		{byTag("ghcr.io/alpine", "3"), "ghcr.io/alpine:3"},
		{byTag("mirror.example:5000/a/b", "3"), "mirror.example:5000/a/b:3"},
		{byTag("plain/b", "3"), "plain/b:3"},
		{byTag("plain", "3"), "docker.io/library/plain:3, docker.io/plain:3"},
		{ns, "ghcr.io/a/b:1"},
		{nsOne, "ghcr.io/alpine:1"},
		{nsAndName, "docker.io/ghcr.io/a/b:1"},
		{Request{Kind: KindBlob, Repository: "alpine", Digest: d256}, "docker.io/library/alpine, docker.io/alpine"},
		{Request{Kind: KindTags, Repository: "a/b"}, "docker.io/a/b"},
	} {
		got, err := table.Places(tc.r, Aliases{})
		if err != nil || written(got) != tc.want {
			t.Errorf("%+v: %s, %v; want %s", tc.r, written(got), err, tc.want)
		}
	}
}

// TestDotsInNames: only the names of registries where library/ is implied tell a host
// by its dot.
func TestDotsInNames(t *testing.T) {
	names := Names{Default: "plain.example", Known: map[string]bool{"plain.example": true}}
	if got, err := names.Places(byTag("team.one/b", "3"), Aliases{}); err != nil || written(got) != "plain.example/team.one/b:3" {
		t.Errorf("%s, %v", written(got), err)
	}
}

func TestPlacesRefuses(t *testing.T) {
	noDefault := table
	noDefault.Default = ""
	lost, err := aliasTable(t, "a/b", "elsewhere.example/b")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		names   Names
		r       Request
		aliases Aliases
		code    Code
		status  int
	}{
		{table, Request{Namespace: "elsewhere.example", Repository: "a"}, Aliases{}, CodeNameUnknown, 404},
		{table, Request{Namespace: "DOCKER.IO", Repository: "a"}, Aliases{}, CodeNameUnknown, 404},
		{table, byTag("elsewhere:5000/a", "1"), Aliases{}, CodeNameUnknown, 404},
		{table, byTag("elsewhere.example/a", "1"), Aliases{}, CodeNameUnknown, 404}, // Docker Hub's names have no dot there
		{table, byTag("Elsewhere/a", "1"), Aliases{}, CodeNameUnknown, 404},
		{noDefault, byTag("a/b", "1"), Aliases{}, CodeNameUnknown, 404},
		{Names{Default: Hub}, byTag("a/b", "1"), Aliases{}, CodeNameUnknown, 404},
		{table, byTag("a/b", "1"), lost, CodeNameUnknown, 404},
		{table, Request{Namespace: Hub, Repository: "elsewhere:5000/a"}, Aliases{}, CodeNameInvalid, 400},
		{table, Request{Kind: KindPing}, Aliases{}, CodeNameInvalid, 400},
	} {
		got, err := tc.names.Places(tc.r, tc.aliases)
		var answer *Error
		if !errors.As(err, &answer) || answer.Code != tc.code || answer.Status != tc.status || got != nil {
			t.Errorf("%+v: %s, %v; want %s", tc.r, written(got), err, tc.code)
		}
	}
}

func TestPlacesByAlias(t *testing.T) {
	aliases, err := aliasTable(t,
		"alpine:3.12", "ghcr.io/local/alpine:3.12-local",
		"library/alpine:3.13", "ghcr.io/local/alpine",
		"alpine:pinned", "plain.example/alpine@"+d512,
		"plain.example/whole", "ghcr.io/moved/whole",
		"plain.example/whole:old", "mirror.example:5000/kept/whole",
		"busybox", "ghcr.io/busybox",
	)
	if err != nil {
		t.Fatal(err)
	}
	names := table
	names.Known = map[string]bool{"plain.example": true, Hub: true, "ghcr.io": true, "mirror.example:5000": true}
	blob := func(repository string) Request {
		return Request{Kind: KindBlob, Repository: repository, Digest: d256}
	}
	const local, pinned = "ghcr.io/local/alpine by docker.io/library/alpine:3.12", "plain.example/alpine by docker.io/library/alpine:pinned"
	for _, tc := range []struct {
		r    Request
		want string
	}{
		{byTag("alpine", "3.12"), "ghcr.io/local/alpine:3.12-local by docker.io/library/alpine:3.12"},
		{byTag("library/alpine", "3.12"), "ghcr.io/local/alpine:3.12-local by docker.io/library/alpine:3.12"},
		{byTag("docker.io/library/alpine", "3.13"), "ghcr.io/local/alpine:3.13 by docker.io/library/alpine:3.13"},
		{byTag("alpine", "pinned"), "plain.example/alpine@" + d512 + " by docker.io/library/alpine:pinned"},
		{byTag("library/alpine", "3.14"), "docker.io/library/alpine:3.14"},
		{byTag("alpine", "3.14"), "docker.io/library/alpine:3.14, docker.io/alpine:3.14"},
		{blob("library/alpine"), local + ", " + pinned + ", docker.io/library/alpine"},
		{blob("alpine"), local + ", " + pinned + ", docker.io/library/alpine, docker.io/alpine"},
		{Request{Kind: KindReferrers, Repository: "library/alpine", Digest: d256}, local + ", " + pinned + ", docker.io/library/alpine"},
		{Request{Kind: KindTags, Repository: "library/alpine"}, "docker.io/library/alpine"},
		{byTag("plain.example/whole", "1"), "ghcr.io/moved/whole:1 by plain.example/whole"},
		{byTag("plain.example/whole", "old"), "mirror.example:5000/kept/whole:old by plain.example/whole:old"},
		{blob("plain.example/whole"), "mirror.example:5000/kept/whole by plain.example/whole:old, ghcr.io/moved/whole by plain.example/whole"},
		{Request{Kind: KindTags, Repository: "plain.example/whole"}, "ghcr.io/moved/whole by plain.example/whole"},
		{byTag("busybox", "1"), "ghcr.io/busybox:1 by docker.io/library/busybox"},
		{blob("busybox"), "ghcr.io/busybox by docker.io/library/busybox"},
		{byTag("ghcr.io/local/alpine", "3.12"), "ghcr.io/local/alpine:3.12"},
	} {
		got, err := names.Places(tc.r, aliases)
		if err != nil || written(got) != tc.want {
			t.Errorf("%+v:\n%s, %v; want\n%s", tc.r, written(got), err, tc.want)
		}
	}
}

// A registry other than docker.io can have library/ implied; an alias then stands
// under either name.
func TestPlacesByAliasOfEitherName(t *testing.T) {
	names := Names{Default: "hub.example", Known: map[string]bool{"hub.example": true, "ghcr.io": true}, Library: map[string]bool{"hub.example": true}}
	const short, long = "hub.example/alpine", "hub.example/library/alpine"
	for _, tc := range []struct {
		pairs []string
		want  string
	}{
		{[]string{short, "ghcr.io/x"}, "ghcr.io/x:1 by " + short},
		{[]string{long, "ghcr.io/x"}, "ghcr.io/x:1 by " + long},
		{[]string{short, "ghcr.io/x", long, "ghcr.io/y"}, "ghcr.io/y:1 by " + long},
	} {
		aliases, err := aliasTable(t, tc.pairs...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := names.Places(byTag("alpine", "1"), aliases)
		if err != nil || written(got) != tc.want {
			t.Errorf("%v: %s, %v; want %s", tc.pairs, written(got), err, tc.want)
		}
	}
}

func TestNewAliasesRefuses(t *testing.T) {
	for _, tc := range []struct {
		pairs []string
		want  string // "" where the table is good
	}{
		{[]string{"a:1", "b", "a:2", "b", "a", "c"}, ""},
		{[]string{"a:1", "a:1-local", "a:2", "a:2-local"}, ""},
		{[]string{"a:1", "b@" + d256, "b:1", "c"}, ""},
		{[]string{"a:1", "b:2", "b:1", "c"}, ""},
		{[]string{"a@" + d256, "b"}, "a digest has no other name"},
		{[]string{"a", "b:1"}, "a whole repository leads to a whole repository"},
		{[]string{"a", "b@" + d256}, "a whole repository leads to a whole repository"},
		{[]string{"a", "b", "library/a", "c"}, "docker.io/library/a stands twice"},
		{[]string{"a:1", "b", "docker.io/a:1", "c"}, "docker.io/library/a:1 stands twice"},
		{[]string{"a", "a"}, "itself an alias"},
		{[]string{"a:1", "a"}, "itself an alias"},
		{[]string{"a:1", "a:1@" + d256, "a", "b"}, "itself an alias"},
		{[]string{"a", "b", "b", "c"}, "alias docker.io/library/a leads to docker.io/library/b, which is itself an alias of docker.io/library/c"},
		{[]string{"a", "b", "b", "a"}, "itself an alias"},
		{[]string{"a:1", "b:2", "b:2", "a:1"}, "itself an alias"},
		{[]string{"a:1", "b", "b:1", "c"}, "itself an alias"},
		{[]string{"a", "b", "b:1", "c"}, "itself an alias"},
		{[]string{"a:1", "b:2", "b", "c"}, "itself an alias"},
	} {
		_, err := aliasTable(t, tc.pairs...)
		if (err == nil) != (tc.want == "") || !strings.Contains(fmt.Sprint(err), tc.want) {
			t.Errorf("%v: %v; want %q", tc.pairs, err, tc.want)
		}
	}
}
