package originals

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func apply(t *testing.T, d Dir, name, text string) error {
	t.Helper()
	f, err := d.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Apply(f, text)
	return err
}

func revert(t *testing.T, d Dir, names ...string) map[string]Reverted {
	t.Helper()
	all, err := d.Revert(names...)
	if err != nil {
		t.Fatal(err)
	}
	did := map[string]Reverted{}
	for _, r := range all {
		did[r.Name] = r
	}
	return did
}

func put(t *testing.T, d Dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.Path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, d Dir, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(d.Path(name)); err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
}

// list is every name below the directory.
func list(t *testing.T, d Dir) (all []string) {
	t.Helper()
	err := filepath.WalkDir(string(d), func(path string, _ fs.DirEntry, err error) error {
		if path != string(d) {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCreatedFiles: what there was not before is gone again, with its directory.
func TestCreatedFiles(t *testing.T) {
	d := Dir(filepath.Join(t.TempDir(), "certs.d"))
	for _, name := range []string{"a.example/hosts.toml", "b.example/hosts.toml"} {
		if err := errors.Join(apply(t, d, name, "1"), apply(t, d, name, "2")); err != nil {
			t.Fatal(err)
		}
		check(t, d, name, "2")
	}
	if info, err := os.Stat(d.Path("a.example/hosts.toml")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for name, r := range revert(t, d) {
		if !r.Removed || r.Err != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if left := list(t, d); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if did := revert(t, d); len(did) > 0 {
		t.Errorf("a second revert did %v", did)
	}
}

// TestCreatedFileWithOwnNeighbours: a directory that holds more stays.
func TestCreatedFileWithOwnNeighbours(t *testing.T) {
	d := Dir(t.TempDir())
	put(t, d, "a.example/ca.crt", "mine")
	if err := apply(t, d, "a.example/hosts.toml", "1"); err != nil {
		t.Fatal(err)
	}
	revert(t, d)
	check(t, d, "a.example/ca.crt", "mine")
	if left := list(t, d); len(left) != 2 {
		t.Errorf("left: %q", left)
	}
}

func TestCreatedFileThatWasEdited(t *testing.T) {
	d := Dir(t.TempDir())
	if err := apply(t, d, "daemon.json", "1"); err != nil {
		t.Fatal(err)
	}
	put(t, d, "daemon.json", "mine")
	if err := apply(t, d, "daemon.json", "2"); !errors.Is(err, ErrEdited) {
		t.Errorf("apply: %v", err)
	}
	if r := revert(t, d)["daemon.json"]; !errors.Is(r.Err, ErrEdited) {
		t.Errorf("revert: %v", r.Err)
	}
	check(t, d, "daemon.json", "mine")
	// Who removes it has done what revert would; then there is nothing to hold on to.
	if err := os.Remove(d.Path("daemon.json")); err != nil {
		t.Fatal(err)
	}
	if r := revert(t, d)["daemon.json"]; r.Err != nil {
		t.Errorf("revert of a removed file: %v", r.Err)
	}
	if left := list(t, d); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestRevertOfOne leaves the others and their originals.
func TestRevertOfOne(t *testing.T) {
	d := Dir(t.TempDir())
	for _, name := range []string{"a", "b"} {
		put(t, d, name, "mine")
		if err := apply(t, d, name, "ours"); err != nil {
			t.Fatal(err)
		}
	}
	if did := revert(t, d, "a", "other"); len(did) != 1 || did["a"].Err != nil || did["a"].Removed {
		t.Fatalf("revert: %v", did)
	}
	check(t, d, "a", "mine")
	check(t, d, "b", "ours")
	if info, err := os.Stat(d.Path("a")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if did := revert(t, d); len(did) != 1 || did["b"].Err != nil {
		t.Fatalf("revert of the rest: %v", did)
	}
	check(t, d, "b", "mine")
}

func TestDanglingLink(t *testing.T) {
	d := Dir(t.TempDir())
	if err := os.Symlink("nowhere", d.Path("daemon.json")); err != nil {
		t.Fatal(err)
	}
	if err := apply(t, d, "daemon.json", "1"); err == nil {
		t.Error("a link to nothing was replaced")
	}
	if target, err := os.Readlink(d.Path("daemon.json")); err != nil || target != "nowhere" {
		t.Errorf("the link is %q, %v", target, err)
	}
}
