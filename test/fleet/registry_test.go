package fleet_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// yard is a hub before a registry that admits everybody and one that admits alice, of
// which the hub shares team/*; and an edge that is granted both.
type yard struct {
	*fleet
	open, closed *rig.Registry
	login        string // alice's, as a field
}

func newYard(t *testing.T) *yard {
	t.Helper()
	if runtime.GOOS != "linux" {
		fmt.Printf("DIDNOTRUN: %s: docker-registry is Debian's\n", t.Name())
		t.SkipNow()
	}
	y := &yard{
		fleet: &fleet{t: t}, open: rig.StartRegistry(t, rig.RegistryAuth{}),
		closed: rig.StartRegistry(t, rig.RegistryAuth{Users: map[string]string{"alice": "hers"}}),
		login:  "Basic YWxpY2U6aGVycw==",
	}
	with := func(login string) string { return strings.Replace(y.closed.URL, "http://", "http://"+login, 1) }
	y.hub = rig.Start(t, rig.Config{
		Repos: fmt.Sprintf("- {name: open.example, type: oci, upstreams: [%q]}\n- {name: closed.example, type: oci, upstreams: [%q], share: [\"team/*\"]}\n",
			y.open.URL, with("alice:hers@")),
		Extra: y.logged("fleet: {serve: true}\naliases: {open.example/alias: closed.example/team/app}\n"),
	})
	return y
}

// images starts an edge that is granted some registries.
func (y *yard) images(granted []string, more string) *rig.Mirrord {
	y.t.Helper()
	return rig.Start(y.t, rig.Config{
		Repos: fmt.Sprintf("- {name: open.example, type: oci, upstreams: [%q]}\n- {name: closed.example, type: oci, upstreams: [%q]}\n", y.open.URL, y.closed.URL),
		Extra: fmt.Sprintf("fleet: {hub: %q, token_file: %q, %s repos: {open.example: on-demand, closed.example: on-demand}}\n", "http://"+y.hub.Addr(), y.token(y.hub, granted...), more),
	})
}

// pull asks for an image and all that it names.
func pull(m *rig.Mirrord, registry, repository string, i *rig.Image, fields ...string) (status int) {
	paths := []string{"manifests/" + i.Tag, "manifests/" + i.Digest}
	for _, p := range i.Platforms {
		paths = append(paths, "manifests/"+p.Digest)
		for _, blob := range p.Blobs {
			paths = append(paths, "blobs/"+blob)
		}
	}
	for _, path := range paths {
		if r := rig.Get(m.URL("v2", repository, path)+"?ns="+registry, fields...); r.Status != 200 || r.Err != nil {
			return r.Status
		}
	}
	return 200
}

// TestImages: an edge's images come from the hub, which has them from upstream once.
func TestImages(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	app := y.open.PushImage("some/app", "1", 1)
	team := y.closed.PushImage("team/app", "1", 2)
	y.open.Reset()
	a, b := y.images([]string{"open.example", "closed.example"}, ""), y.images([]string{"open.example", "closed.example"}, "")
	for _, e := range []*rig.Mirrord{a, b} {
		if got := pull(e, "open.example", "some/app", app); got != 200 {
			t.Errorf("a public image: %d", got)
		}
		if got := pull(e, "closed.example", "team/app", team); got != 200 {
			t.Errorf("an image that the hub shares: %d", got)
		}
	}
	for path, n := range rig.Given(y.open.Hits()) {
		if n != 1 {
			t.Errorf("the registry gave %s %d times", path, n)
		}
	}
	a.Fsck(t)
}

// TestPrivateImages: what a client of the hub was given with its own credentials no edge
// is given, nor what another registry's grant is needed for, by whatever name.
func TestPrivateImages(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	private := y.closed.PushImage("private/app", "1", 1)
	team := y.closed.PushImage("team/app", "1", 2)
	if got := pull(y.hub, "closed.example", "private/app", private, "Authorization", y.login); got != 200 {
		t.Fatalf("by the hub itself: %d", got)
	}
	if got := pull(y.hub, "closed.example", "team/app", team); got != 200 {
		t.Fatalf("by the hub itself: %d", got)
	}
	e := y.images([]string{"open.example", "closed.example"}, "")
	for _, fields := range [][]string{nil, {"Authorization", y.login}} {
		if got := pull(e, "closed.example", "private/app", private, fields...); got != 401 && got != 403 {
			t.Errorf("a private image over an edge, with %q: %d", fields, got)
		}
	}
	may := y.images([]string{"closed.example"}, "fallback: true,")
	if got := pull(may, "closed.example", "private/app", private, "Authorization", y.login); got != 200 {
		t.Errorf("where the edge may ask the registry itself: %d", got)
	}
	if got := pull(may, "closed.example", "private/app", private); got != 401 {
		t.Errorf("by nobody, of what alice got: %d", got)
	}
	secret, err := os.ReadFile(y.token(y.hub, "open.example"))
	if err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		"closed.example/v2/team/app/manifests/1":                                   403, // not granted
		"open.example/v2/alias/manifests/1":                                        404, // an alias that leads there
		"open.example/v2/team/app/manifests/1?ns=closed.example":                   400,
		"open.example/v2/closed.example/team/app/manifests/1":                      404, // a repository of that name
		"open.example/v2/team/app/blobs/" + team.Platforms["linux/amd64"].Blobs[0]: 404, // stored, by its digest
		"open.example/v2/../../closed.example/v2/team/app/tags/list":               400,
		"open.example/../closed.example/v2/team/app/manifests/1":                   404,
	} {
		r := rig.Get(y.hub.URL("fleet/v1/repos", path), "Authorization", "Bearer "+strings.TrimSpace(string(secret)))
		if r.Status != status {
			t.Errorf("%s: %s, expected %d\n%s", path, r.How(), status, r.Body)
		}
	}
}
