package fleet_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirrord/test/rig"
)

// app is a package whose versions are mostly alike, as dpkg-deb makes it.
func app(t *testing.T, version int) (path string, data []byte) {
	t.Helper()
	root := t.TempDir()
	var text strings.Builder
	for i := range 20_000 {
		v := 1
		if i%500 == 0 {
			v = version
		}
		fmt.Fprintf(&text, "line %d of version %d: %x\n", i, v, rig.Content(uint64(i), 12))
	}
	files := map[string]string{
		"DEBIAN/control":           fmt.Sprintf("Package: app\nVersion: %d\nArchitecture: amd64\nMaintainer: a <a@example.org>\nDescription: app\n", version),
		"usr/share/app/text":       text.String(),
		"usr/share/doc/app/readme": fmt.Sprintf("version %d\n", version),
	}
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	name := fmt.Sprintf("app_%d_amd64.deb", version)
	deb := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("dpkg-deb", "-Zxz", "--root-owner-group", "--build", root, deb).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
	data, err := os.ReadFile(deb)
	if err != nil {
		t.Fatal(err)
	}
	return "pool/" + name, data
}

// publishApp has upstream have one version of the package.
func (f *fleet) publishApp(version int) (path string, size int64) {
	f.t.Helper()
	path, data := app(f.t, version)
	tree := rig.NewTree(map[string][]byte{path: data})
	f.put("debian/", tree)
	for name := range tree { // nginx tells versions apart by the second, and by the size
		at := time.Now().Add(time.Duration(version-10) * time.Minute)
		if err := os.Chtimes(filepath.Join(f.root, "debian", name), at, at); err != nil {
			f.t.Fatal(err)
		}
	}
	return path, int64(len(data))
}

// moves waits until a mirrord has upstream's state.
func (f *fleet) moves(m *rig.Mirrord) {
	f.t.Helper()
	want, err := os.ReadFile(filepath.Join(f.root, "debian", rig.PackagesPath))
	if err != nil {
		f.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); string(rig.Get(m.URL("debian", rig.PackagesPath)).Body) != string(want); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatal("the new state does not come")
		}
		rig.Get(m.URL("debian", rig.ReleasePath))
	}
}

// given is what a mirrord gave edges in deltas, and of the path itself. It stops it.
func (f *fleet) given(hub *rig.Mirrord, path string) (deltas, whole []request) {
	f.t.Helper()
	for _, r := range f.requests(hub) {
		switch {
		case strings.HasPrefix(r.URI, "/fleet/v1/deltas/debian/"+path):
			deltas = append(deltas, r)
		case r.URI == "/fleet/v1/repos/debian/"+path:
			whole = append(whole, r)
		}
	}
	return deltas, whole
}

// TestUpdateByDelta: a new version of what an edge has comes to it, over a link that
// costs by the byte, as a delta; its clients have the right bytes, and the second
// edge's delta costs the hub no more than a file.
func TestUpdateByDelta(t *testing.T) {
	f := newFleet(t)
	first, _ := f.publishApp(1)
	f.moves(f.hub)
	edges := []*rig.Mirrord{
		f.edge(f.hub, []string{"debian"}, "link: metered, repos: {debian: on-demand}"),
		f.edge(f.hub, []string{"debian"}, "link: metered, repos: {debian: on-demand}"),
	}
	for _, e := range edges {
		f.update(e)
		f.gets(e, first)
	}
	second, size := f.publishApp(2)
	for _, e := range edges {
		f.moves(e)
		f.gets(e, second)
		f.gets(e, second)
		e.Fsck(t)
	}
	deltas, whole := f.given(f.hub, second)
	if len(deltas) != len(edges) || len(whole) != 0 {
		t.Fatalf("asked for %v and %v, expected one delta each", deltas, whole)
	}
	for _, d := range deltas {
		if d.Status != http.StatusOK || d.Bytes > size/5 {
			t.Errorf("%+v, expected less than a fifth of %d bytes", d, size)
		}
	}
	f.hub.Fsck(t)
}

// TestNoDelta: where the hub has lost the base the edge has the whole.
func TestNoDelta(t *testing.T) {
	f := newFleet(t)
	first, _ := f.publishApp(1)
	f.moves(f.hub)
	e := f.edge(f.hub, []string{"debian"}, "link: metered, repos: {debian: on-demand}")
	f.update(e)
	f.gets(e, first)
	data, err := os.ReadFile(filepath.Join(f.root, "debian", first))
	if err != nil {
		t.Fatal(err)
	}
	sum := rig.Sum(data)
	if err := os.Remove(filepath.Join(f.hub.Data, "blobs", "sha256", sum[:2], sum)); err != nil {
		t.Fatal(err)
	}
	second, size := f.publishApp(2)
	f.moves(e)
	f.gets(e, second)
	deltas, whole := f.given(f.hub, second)
	if len(deltas) != 1 || deltas[0].Status != http.StatusNotFound || len(whole) != 1 || whole[0].Bytes != size {
		t.Errorf("asked for %v and %v, expected no delta, and the whole", deltas, whole)
	}
}

// TestDeltaQuestions: what is malformed, not granted, or about an object of another place is
// refused.
func TestDeltaQuestions(t *testing.T) {
	f := newFleet(t)
	f.update(f.hub)
	f.gets(f.hub, hello)
	f.gets(f.hub, world)
	secret := rig.Get(f.hub.URL("secret", hello))
	if secret.Status != http.StatusOK {
		t.Fatal(secret.How())
	}
	sum := func(data []byte) string { return "sha256:" + rig.Sum(data) }
	h, w, s := sum(rig.Content(1, 300<<10)), sum(rig.Content(2, 200<<10)), sum(secret.Body)
	token, err := os.ReadFile(f.token(f.hub, "debian"))
	if err != nil {
		t.Fatal(err)
	}
	for question, status := range map[string]int{
		"debian/" + hello + "?target=" + h + "&base=" + w:                  http.StatusNotFound, // another package
		"debian/" + hello + "?target=" + h + "&base=" + s:                  http.StatusNotFound, // of a repository that is not granted
		"debian/" + hello + "?target=" + s + "&base=" + h:                  http.StatusNotFound,
		"debian/pool/none_1_amd64.deb?target=" + h + "&base=" + w:          http.StatusNotFound,
		"secret/" + hello + "?target=" + s + "&base=" + h:                  http.StatusForbidden,
		"none/" + hello + "?target=" + s + "&base=" + h:                    http.StatusForbidden,
		"debian/../secret/" + hello + "?target=" + s + "&base=" + h:        http.StatusBadRequest,
		"debian/" + hello + "?target=" + h:                                 http.StatusBadRequest,
		"debian/" + hello + "?base=" + h:                                   http.StatusBadRequest,
		"debian/" + hello + "?target=" + h + "&base=x":                     http.StatusBadRequest,
		"debian/" + hello + "?target=" + h + "&base=" + w + "&wait=-1":     http.StatusBadRequest,
		"debian?target=" + h + "&base=" + w:                                http.StatusBadRequest,
		"debian/" + hello + "?target=" + h + strings.Repeat("&base="+w, 9): http.StatusBadRequest,
	} {
		r := rig.Get(f.hub.URL("fleet/v1/deltas/"+question), "Authorization", "Bearer "+strings.TrimSpace(string(token)))
		if r.Status != status || strings.Count(strings.TrimSpace(string(r.Body)), "\n") != 0 {
			t.Errorf("%s: %d %q, expected %d and one line", question, r.Status, r.Body, status)
		}
	}
	if r := rig.Get(f.hub.URL("fleet/v1/deltas/debian/" + hello + "?target=" + h + "&base=" + w)); r.Status != http.StatusUnauthorized {
		t.Errorf("without a token: %s", r.How())
	}
}

// TestDeltaOfAnotherPackage: what is as good as the same, and no version of it, is no base:
// a delta tells what is in its base.
func TestDeltaOfAnotherPackage(t *testing.T) {
	f := newFleet(t)
	path, old := app(t, 1)
	_, alike := app(t, 2)
	f.put("debian/", rig.NewTree(map[string][]byte{path: old, "pool/other_2_amd64.deb": alike}))
	f.update(f.hub)
	f.gets(f.hub, path)
	f.gets(f.hub, "pool/other_2_amd64.deb")
	token, err := os.ReadFile(f.token(f.hub, "debian"))
	if err != nil {
		t.Fatal(err)
	}
	r := rig.Get(f.hub.URL("fleet/v1/deltas/debian/"+path+"?wait=30&target=sha256:"+rig.Sum(old)+"&base=sha256:"+rig.Sum(alike)),
		"Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if r.Status != http.StatusNotFound {
		t.Errorf("%s, expected no delta", r.How())
	}
}
