package rpm

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirrord/internal/digest"
	"mirrord/internal/repo"
)

// run runs a real tool in dir.
func run(t *testing.T, dir string, argv ...string) {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
}

// build makes a package with rpmbuild in dir/os/Packages.
func build(t *testing.T, dir, name, version string) {
	t.Helper()
	spec := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: 1\nSummary: <test> & co\nLicense: MIT\nBuildArch: noarch\n%%description\nA package.\n"+
		"%%install\nmkdir -p %%{buildroot}/usr/share/%[1]s\nhead -c 20000 /dev/zero > %%{buildroot}/usr/share/%[1]s/data\n"+
		"echo %[2]s > %%{buildroot}/usr/share/%[1]s/version\n%%files\n/usr/share/%[1]s\n", name, version)
	file := filepath.Join(dir, name+".spec")
	if err := os.WriteFile(file, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir+"/top", "--define", "_rpmdir "+dir+"/os/Packages",
		"--define", "_tmppath "+dir, "--define", "_rpmfilename %{NAME}-%{VERSION}.%{ARCH}.rpm", file)
}

// TestCreaterepo reads what the real tools make: the root lists the files that are
// there, and the indexes the packages, all with the size and digest they have.
func TestCreaterepo(t *testing.T) {
	for _, tool := range []string{"rpmbuild", "createrepo_c"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Printf("DIDNOTRUN: %s: no %s\n", t.Name(), tool)
			return
		}
	}
	dir := t.TempDir()
	build(t, dir, "hello", "1.0^20240101git")
	build(t, dir, "hello", "2.0")
	build(t, dir, "tools+extra", "2~rc1")
	for name, args := range map[string][]string{
		"gz":    {"--general-compress-type=gz"},
		"bz2":   {"--general-compress-type=bz2", "--simple-md-filenames"},
		"xz":    {"--general-compress-type=xz", "--checksum=sha512"},
		"drpms": {"--deltas", "--oldpackagedirs=Packages", "--max-delta-rpm-size=1000000"},
	} {
		if err := os.RemoveAll(filepath.Join(dir, "os/drpms")); err != nil {
			t.Fatal(err)
		}
		run(t, filepath.Join(dir, "os"), append([]string{"createrepo_c", "--quiet", "--database"}, append(args, ".")...)...)
		files := filesOf(t, dir, "os")
		listing, err := Adapter{}.Root("os", map[string][]byte{repomd: files["os/"+repomd]})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var named []string
		for _, ref := range listing.Refs {
			named = append(named, ref.Path)
			checkFile(t, files, ref)
			plan, _ := Adapter{}.Plan(ref.Path)
			if !plan.Vouches {
				continue
			}
			err := Adapter{}.Read(ref.Path, bytes.NewReader(files[ref.Path]), func(ref repo.Ref) error {
				named = append(named, ref.Path)
				checkFile(t, files, ref)
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		named = append(named, "os/"+repomd)
		slices.Sort(named)
		if all := slices.Sorted(maps.Keys(files)); !slices.Equal(named, all) {
			t.Errorf("%s: named are\n%q, there are\n%q", name, named, all)
		}
	}
}

func checkFile(t *testing.T, files map[string][]byte, ref repo.Ref) {
	t.Helper()
	data := files[ref.Path]
	h := ref.Digest.NewHash()
	h.Write(data)
	if ref.Size != int64(len(data)) || digest.FromSum(ref.Digest.Algorithm(), h.Sum(nil)) != ref.Digest {
		t.Errorf("%+v does not match the %d bytes that are there", ref, len(data))
	}
}

// filesOf reads all files below dir/sub, by path from dir.
func filesOf(t *testing.T, dir, sub string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, pattern := range []string{"*", "*/*"} {
		names, err := filepath.Glob(filepath.Join(dir, sub, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err == nil {
				files[filepath.ToSlash(strings.TrimPrefix(name, dir+string(filepath.Separator)))] = data
			}
		}
	}
	return files
}
