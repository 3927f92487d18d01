package moving_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirrord/test/rig"
)

// everything is a mirrord with a repository of each type, each filled by real clients,
// and what they fetched.
type everything struct {
	repos   string
	m       *rig.Mirrord
	archive *rig.Archive
	rpms    *rig.RPMs
	images  []*rig.Image
}

var (
	hello  = rig.Package{Name: "hello", Version: "1.0", Depends: "rpmlib >= 1.0"}
	rpmlib = rig.Package{Name: "rpmlib", Version: "1.0", Size: 1 << 20}
	unused = rig.Package{Name: "unused", Version: "1", Size: 100}
)

func fill(t *testing.T) *everything {
	t.Helper()
	e := &everything{archive: rig.NewArchive(t, rig.Layout{ByHash: rig.HasByHash}), rpms: rig.NewRPMs(t, rig.RPMLayout{Compress: "gz"})}
	site := rig.NewSite(t)
	writeFile(t, filepath.Join(site.Root, "dir/file.bin"), "a file")
	site.Publish(e.archive.Build(app, lib, unused))
	site.Publish(e.rpms.Build(hello, rpmlib))
	n := rig.StartNginx(t, site.Root)
	reg := rig.StartRegistry(t, rig.RegistryAuth{})
	e.images = []*rig.Image{reg.PushImage("library/alpine", "3", 1), reg.PushDockerImage("team/app", "v1", 2)}
	e.repos = aptRepo("deb", n.URL) + fmt.Sprintf("- {name: rpm, type: rpm, upstreams: [%[1]q]}\n- {name: files, type: generic, upstreams: [%[1]q]}\n", n.URL) + registry("reg.test", reg.URL)
	e.m = rig.Start(t, rig.Config{Repos: e.repos})
	e.uses(t, e.m)
	e.m.Stop()
	n.Stop()
	reg.Stop()
	return e
}

// uses has every client get what it needs, and no more.
func (e *everything) uses(t *testing.T, m *rig.Mirrord) {
	t.Helper()
	installs(t, rig.NewApt(t, e.archive.Lines(m.URL("deb")), ""))
	d := rig.NewDnf(t, m.URL("rpm", "releases/$releasever/os/"))
	d.Must("install", "hello")
	if got := d.Installed(rpmlib); got != rpmlib.Version {
		t.Errorf("rpmlib: version %q is installed", got)
	}
	if r := rig.Get(m.URL("files/dir/file.bin")); string(r.Body) != "a file" {
		t.Errorf("a plain file: %s, %q", r.How(), r.Body)
	}
	for _, im := range e.images {
		if err := pulls(t, m, "reg.test", im, ":"+im.Tag); err != nil {
			t.Error(err)
		}
	}
}

// TestRoundTrip: what is exported is a tree that a web server and skopeo can use as it
// is, and that another mirrord serves to all clients without any upstream.
func TestRoundTrip(t *testing.T) {
	if !rig.AptRuns() || !rig.DnfRuns(t) || !registryRuns(t) {
		return
	}
	e := fill(t)
	usb := filepath.Join(t.TempDir(), "usb")
	out := must(t, e.m, "export", usb)
	for _, repo := range []string{"deb", "rpm", "files", "reg.test"} {
		if n := sumOf(t, out, repo); n.taken == 0 || n.linked != 0 || n.wrong != 0 || n.unreadable != 0 {
			t.Errorf("%s: %+v\n%s", repo, n, out)
		}
		if n := sumOf(t, must(t, e.m, "export", usb), repo); n.taken != 0 || n.there == 0 {
			t.Errorf("%s a second time: %+v", repo, n)
		}
	}
	t.Run("as it is", func(t *testing.T) {
		n := rig.StartNginx(t, usb)
		installs(t, rig.NewApt(t, e.archive.Lines(n.URL+"/deb"), ""))
		rig.NewDnf(t, n.URL+"/rpm/releases/$releasever/os/").Must("install", "hello")
		for _, im := range e.images[:1] { // of Docker's own form skopeo finds none in a layout
			if err := copies(t, "oci:"+filepath.Join(usb, "reg.test", im.Repository)+":"+im.Tag, im); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("elsewhere", func(t *testing.T) {
		m := idle(t, e.repos)
		must(t, m, "import", "export", usb, "--public")
		offline(t, m)
		e.uses(t, m)
		m.Fsck(t)
		// And once more from there: nothing is lost on the way.
		again := filepath.Join(t.TempDir(), "again")
		must(t, m, "export", again)
		if got, want := listing(t, again), listing(t, usb); got != want {
			t.Errorf("the second export has\n%s\nwant\n%s", got, want)
		}
	})
	t.Run("one of them", func(t *testing.T) {
		m := idle(t, e.repos)
		out := must(t, m, "import", "export", usb, "--repo", "rpm")
		if n := sumOf(t, out, "rpm"); n.taken == 0 || strings.Count(out, "left out, no repository") != 3 {
			t.Errorf("%+v\n%s", n, out)
		}
		m.Fsck(t)
	})
}

// listing is the paths of the files in a directory, with their sums.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		data, rerr := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %s\n", rel, rig.Sum(data))
		if err == nil {
			err = rerr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExportPrefix: packages are chosen by their path, what vouches for them comes
// along, so that another mirrord believes them.
func TestExportPrefix(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	archive := rig.NewArchive(t, rig.Layout{})
	site := rig.NewSite(t)
	site.Publish(archive.Build(app, lib))
	n := rig.StartNginx(t, site.Root)
	m := rig.Start(t, rig.Config{Repos: aptRepo("deb", n.URL)})
	installs(t, rig.NewApt(t, archive.Lines(m.URL("deb")), ""))
	m.Stop()
	usb := filepath.Join(t.TempDir(), "usb")
	must(t, m, "export", usb, "--repo", "deb", "--prefix", "pool/main/l/")
	if got := listing(t, usb); strings.Contains(got, "pool/main/a/") || !strings.Contains(got, "deb/pool/main/l/lib/lib_") ||
		!strings.Contains(got, "deb/dists/stable/InRelease") || !strings.Contains(got, "binary-"+archive.Arch+"/Packages") {
		t.Errorf("exported are\n%s", got)
	}
	other := idle(t, aptRepo("deb", "http://127.0.0.1:9"))
	must(t, other, "import", "export", usb)
	offline(t, other)
	c := rig.NewApt(t, archive.Lines(other.URL("deb")), "")
	c.Must("update")
	c.Must("download", "lib")
	if _, err := c.Get("download", "app"); err == nil {
		t.Error("app was had, which was not exported")
	}
}
