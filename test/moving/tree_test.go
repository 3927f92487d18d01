package moving_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirrord/test/rig"
)

// TestTreeOfRPMs: what createrepo_c made dnf installs from a mirrord that took the tree
// over, from the top or from within, and asks nobody.
func TestTreeOfRPMs(t *testing.T) {
	if !rig.DnfRuns(t) {
		return
	}
	hello, lib := rig.Package{Name: "hello", Version: "1.0", Depends: "lib >= 1.0"}, rig.Package{Name: "lib", Version: "1.0", Size: 1 << 20}
	made := rig.NewRPMs(t, rig.RPMLayout{Compress: "xz", More: true, Signed: true})
	g := made.Build(hello, lib)
	for name, args := range map[string][]string{
		"top":    {g.Dir},
		"within": {filepath.Join(g.Dir, rig.RPMBase), "--at", rig.RPMBase},
	} {
		t.Run(name, func(t *testing.T) {
			m := idle(t, `- {name: r, type: rpm, upstreams: ["http://127.0.0.1:9"]}`)
			out := must(t, m, append([]string{"import", "tree", "--repo", "r"}, args...)...)
			if n := sumOf(t, out, "r"); n.taken < 4 || n.wrong != 0 || n.unlisted != 0 {
				t.Errorf("%+v\n%s", n, out)
			}
			offline(t, m)
			c := rig.NewDnf(t, m.URL("r", "releases/$releasever/os/"), "repo_gpgcheck=1", "gpgkey=file://"+made.Key.Keyring)
			c.Must("install", "hello")
			for _, p := range []rig.Package{hello, lib} {
				if got := c.Installed(p); got != p.Version {
					t.Errorf("%s: version %q is installed, want %q", p.Name, got, p.Version)
				}
			}
			m.Fsck(t)
		})
	}
}

// TestTreeOfFiles: files that nobody vouches for are served while upstream cannot be
// asked, labelled, and are asked for otherwise: whole, or by their times where these
// are upstream's.
func TestTreeOfFiles(t *testing.T) {
	site := rig.NewSite(t)
	for _, name := range []string{"a.bin", "dir/b.bin", "old.bin"} {
		file, at := filepath.Join(site.Root, name), time.Now().Add(-time.Hour)
		writeFile(t, file, "what is in "+name)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	copied := t.TempDir()
	if out, err := execute("cp", "-a", site.Root+"/.", copied); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	writeFile(t, filepath.Join(site.Root, "old.bin"), "what is in it by now")
	n := rig.StartNginx(t, site.Root)
	repos := fmt.Sprintf("- {name: files, type: generic, fresh: 1h, upstreams: [%q]}", n.URL)
	for _, times := range []bool{false, true} {
		t.Run(fmt.Sprintf("times %v", times), func(t *testing.T) {
			m := idle(t, repos)
			args := []string{"import", "tree", copied, "--repo", "files"}
			if times {
				args = append(args, "--times")
			}
			if s := sumOf(t, must(t, m, args...), "files"); s.taken != 3 || s.unconfirmed != 3 {
				t.Errorf("%+v", s)
			}
			n.Stop()
			m.Restart()
			r := rig.Get(m.URL("files/a.bin"))
			if string(r.Body) != "what is in a.bin" || !r.Stale() {
				t.Errorf("upstream is down: %s", r.How())
			}
			m.Stop()
			n.Start()
			n.Reset()
			m.Restart()
			for name, want := range map[string]string{"a.bin": "what is in a.bin", "dir/b.bin": "what is in dir/b.bin", "old.bin": "what is in it by now"} {
				for range 2 { // the second time they are fresh
					if r := rig.Get(m.URL("files", name)); string(r.Body) != want || r.Stale() {
						t.Errorf("%s: %q, %s", name, r.Body, r.How())
					}
				}
			}
			hits := n.Hits()
			unchanged := slices.DeleteFunc(slices.Clone(hits), func(h rig.Hit) bool { return h.Status != http.StatusNotModified })
			if len(hits) != 3 || times != (len(unchanged) == 2) {
				t.Errorf("%v", hits)
			}
			m.Fsck(t)
		})
	}
}

// hostile is a tree with an archive in it, and what should not be there.
func hostile(t *testing.T) (dir string, archive *rig.Archive, outside string) {
	t.Helper()
	archive = rig.NewArchive(t, rig.Layout{})
	dir, outside = archive.Build(app, lib).Dir, t.TempDir()
	writeFile(t, filepath.Join(outside, "secret.deb"), "a secret")
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("pool/main/o/odd\xff.deb"), "odd")
	writeFile(t, at("pool/main/o/new\nline.deb"), "odd")
	writeFile(t, at("pool/main/o/back\\slash.deb"), "odd")
	writeFile(t, at("pool/main/u/unknown_1_all.deb"), "in no index")
	for name, to := range map[string]string{
		"pool/main/l/out": outside, "pool/main/l/secret.deb": outside + "/secret.deb", "dists/testing": "stable", "pool/self": "..", "pool/gone": "nowhere",
	} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, at(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(at("pool/main/pipe.deb"), 0o644); err != nil {
		t.Fatal(err)
	}
	debs, err := filepath.Glob(at("pool/main/l/lib/lib_*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("%v, %v", debs, err)
	}
	text, err := os.ReadFile(debs[0])
	if err == nil {
		text[len(text)/2] ^= 1
		err = os.WriteFile(debs[0], text, 0o644) // of the right size, and wrong
	}
	if err == nil {
		err = os.Truncate(at("dists/stable/main/source/Sources.xz"), 10)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, archive, outside
}

// TestHostileTree: each thing that should not be there is told on one line and left
// out, nothing outside of the tree is read, and the rest is taken over.
func TestHostileTree(t *testing.T) {
	if !rig.AptRuns() {
		return
	}
	dir, archive, outside := hostile(t)
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	out := must(t, m, "import", "tree", dir, "--repo", "test", "--verbose")
	for _, want := range []string{
		`passed over: "pool/main/o/odd\xff.deb": no path that a client could ask for`,
		`passed over: "pool/main/o/new\nline.deb": no path that a client could ask for`,
		`passed over: "pool/main/o/back\\slash.deb": no path that a client could ask for`,
		`passed over: "pool/main/l/out": a link that leads out of the directory`,
		`passed over: "pool/main/l/secret.deb": a link that leads out of the directory`,
		`passed over: "pool/self": a link to a directory that it lies in`,
		`passed over: "pool/gone": no such file or directory`,
		`passed over: "pool/main/pipe.deb": a pipe, expected a file`,
		`left out: "pool/main/u/unknown_1_all.deb": nobody vouches for it`,
		`wrong: "pool/main/l/lib/lib_1.0-1_all.deb": the bytes are not what the index names: the digest is `,
		`wrong: "dists/stable/main/source/Sources.xz": the bytes are not what the index names: it has 10 bytes, expected `,
	} {
		if n := strings.Count(out, "\n"+want); n != 1 {
			t.Errorf("%q stands %d times in\n%s", want, n, out)
		}
	}
	if n := sumOf(t, out, "test"); n.wrong != 3 || n.taken == 0 { // dists/testing has the wrong index as well
		t.Errorf("%+v", n)
	}
	data, err := os.ReadFile(filepath.Join(outside, "secret.deb"))
	if err != nil {
		t.Fatal(err)
	}
	sum := rig.Sum(data)
	if _, err := os.Stat(filepath.Join(m.Data, "blobs/sha256", sum[:2], sum)); err == nil {
		t.Error("a file outside of the tree was taken in")
	}
	m.Fsck(t)
	offline(t, m)
	c := rig.NewApt(t, archive.Lines(m.URL("test")), "")
	c.Must("update")
	c.Must("download", "app")
	if _, err := c.Get("download", "lib"); err == nil {
		t.Error("lib was had, of which there were wrong bytes only")
	}
}

// TestIndexOfIndexes: what an index names that is named itself by a root, such as the
// images of an installer, is taken over too.
func TestIndexOfIndexes(t *testing.T) {
	dir, _ := packages(t, 1, 1000)
	const images = "main/installer-amd64/current/images/"
	suite := filepath.Join(dir, "dists/stable")
	iso := string(rig.Content(77, 300_000))
	sums := fmt.Sprintf("%s  ./netboot/mini.iso\n", rig.Sum([]byte(iso)))
	writeFile(t, filepath.Join(suite, images, "SHA256SUMS"), sums)
	writeFile(t, filepath.Join(suite, images, "netboot/mini.iso"), iso)
	writeFile(t, filepath.Join(suite, images, "netboot/other.iso"), "in no list")
	release, err := os.ReadFile(filepath.Join(suite, "Release"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(suite, "Release"), fmt.Sprintf("%s %s %d %sSHA256SUMS\n", release, rig.Sum([]byte(sums)), len(sums), images))
	m := idle(t, aptRepo("test", "http://127.0.0.1:9"))
	if n := sumOf(t, must(t, m, "import", "tree", dir, "--repo", "test"), "test"); n.unlisted != 1 || n.wrong != 0 {
		t.Errorf("%+v", n)
	}
	offline(t, m)
	if err := rig.Get(m.URL("test/dists/stable", images+"netboot/mini.iso")).Right("", []byte(iso)); err != nil {
		t.Error(err)
	}
	m.Fsck(t)
}
