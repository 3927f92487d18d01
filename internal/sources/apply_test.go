package sources

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"mirrord/internal/originals"
)

const (
	mainText = "deb http://ftp.nl.debian.org/debian bookworm main\n"
	partText = "Types: deb\r\nURIs: http://security.debian.org\nSuites: x\n\n\n"
)

func aptDir(t *testing.T) Dir {
	t.Helper()
	dir := Dir(t.TempDir())
	put(t, dir, "sources.list", mainText)
	put(t, dir, "sources.list.d/sec.sources", partText)
	put(t, dir, "sources.list.d/old.list.bak", mainText)
	put(t, dir, "sources.list.d/.hidden.list", mainText)
	return dir
}

func put(t *testing.T, dir Dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.path(name), []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, dir Dir, name, want string) {
	t.Helper()
	got, err := os.ReadFile(dir.path(name))
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", name, got, err, want)
	}
}

// applyAll rewrites every file for server; it returns how many were written.
func applyAll(t *testing.T, dir Dir, server string) (written int, failed error) {
	t.Helper()
	files, err := dir.Read()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Fatalf("Read found %d files, want 2", len(files))
	}
	m := NewMatcher(catalogue(t), catalogue(t))
	for _, f := range files {
		text, _ := f.Rewrite(m, server)
		done, err := dir.Apply(f, text)
		if done {
			written++
		}
		failed = errors.Join(failed, err)
	}
	return written, failed
}

func revertAll(t *testing.T, dir Dir) map[string]error {
	t.Helper()
	reverted, err := originals.Dir(dir).Revert()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]error{}
	for _, r := range reverted {
		all[r.Name] = r.Err
	}
	return all
}

func TestApplyAndRevert(t *testing.T) {
	dir := aptDir(t)
	for i, want := range []int{2, 0} { // the second time there is nothing to do
		if n, err := applyAll(t, dir, "http://s:1"); n != want || err != nil {
			t.Fatalf("apply %d: %d written, %v; want %d", i, n, err, want)
		}
	}
	check(t, dir, "sources.list", "deb http://s:1/debian bookworm main\n")
	check(t, dir, "mirrord.saved/sources.list", mainText)
	// Another server starts from the originals.
	if n, err := applyAll(t, dir, "http://other:2"); n != 2 || err != nil {
		t.Fatalf("apply to another server: %d, %v", n, err)
	}
	check(t, dir, "sources.list", "deb http://other:2/debian bookworm main\n")

	if got := revertAll(t, dir); len(got) != 2 || got["sources.list"] != nil || got["sources.list.d/sec.sources"] != nil {
		t.Fatalf("revert: %v", got)
	}
	check(t, dir, "sources.list", mainText)
	check(t, dir, "sources.list.d/sec.sources", partText)
	if info, _ := os.Stat(dir.path("sources.list")); info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want 0640", info.Mode())
	}
	if _, err := os.Stat(dir.path(originals.SavedDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the saved directory is still there: %v", err)
	}
	if got := revertAll(t, dir); len(got) != 0 {
		t.Errorf("a second revert did %v", got)
	}
}

func TestEditedFilesAreKept(t *testing.T) {
	dir := aptDir(t)
	if _, err := applyAll(t, dir, "http://s:1"); err != nil {
		t.Fatal(err)
	}
	const mine = "deb http://ftp.nl.debian.org/debian trixie main\n"
	put(t, dir, "sources.list", mine)
	if n, err := applyAll(t, dir, "http://s:1"); n != 0 || !errors.Is(err, originals.ErrEdited) {
		t.Errorf("apply: %d, %v; want ErrEdited", n, err)
	}
	for range 2 { // the second finds the other file done
		got := revertAll(t, dir)
		if !errors.Is(got["sources.list"], originals.ErrEdited) || got["sources.list.d/sec.sources"] != nil {
			t.Fatalf("revert: %v", got)
		}
	}
	check(t, dir, "sources.list", mine)
	check(t, dir, "mirrord.saved/sources.list", mainText)
	check(t, dir, "sources.list.d/sec.sources", partText)

	if err := os.Remove(dir.path("sources.list")); err != nil {
		t.Fatal(err)
	}
	if got := revertAll(t, dir); !errors.Is(got["sources.list"], originals.ErrEdited) {
		t.Errorf("revert of a removed file: %v", got)
	}
	if _, err := os.Stat(dir.path("sources.list")); err == nil {
		t.Error("a file that somebody removed came back")
	}
}

// A crash between the record and the file leaves the original, which is known.
func TestCrashBeforeTheFileWasReplaced(t *testing.T) {
	dir := aptDir(t)
	if _, err := applyAll(t, dir, "http://s:1"); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "sources.list", mainText)
	if n, err := applyAll(t, dir, "http://s:1"); n != 1 || err != nil {
		t.Fatalf("apply after the crash: %d, %v", n, err)
	}
	put(t, dir, "sources.list", mainText)
	if got := revertAll(t, dir); got["sources.list"] != nil {
		t.Errorf("revert after the crash: %v", got)
	}
	check(t, dir, "sources.list", mainText)
}

func TestApplyWritesThroughALink(t *testing.T) {
	dir := aptDir(t)
	put(t, dir, "elsewhere/real", mainText)
	if err := os.Remove(dir.path("sources.list")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere/real", dir.path("sources.list")); err != nil {
		t.Fatal(err)
	}
	if _, err := applyAll(t, dir, "http://s:1"); err != nil {
		t.Fatal(err)
	}
	check(t, dir, "elsewhere/real", "deb http://s:1/debian bookworm main\n")
	revertAll(t, dir)
	check(t, dir, "elsewhere/real", mainText)
	if info, err := os.Lstat(dir.path("sources.list")); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
}

func TestReadWithoutADirectory(t *testing.T) {
	if _, err := Dir("/nonexistent").Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read: %v", err)
	}
}
