package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// build makes a directory: a name that ends in a slash is a directory, "->" makes a link.
func build(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		from, to, link := strings.Cut(n, " -> ")
		p := filepath.Join(dir, from)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(to, p)
		case strings.HasSuffix(n, "/"):
			err = os.MkdirAll(p, 0o755)
		default:
			err = os.WriteFile(p, []byte(n), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openTree(t *testing.T, dir string) *Tree {
	t.Helper()
	tr, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// walked lists what a walk gives: files, and problems behind a "!".
func walked(t *testing.T, tr *Tree, dir string, skip func(string) bool) (all []string) {
	t.Helper()
	err := tr.Walk(t.Context(), dir, skip, func(f File) error {
		all = append(all, f.Path)
		return nil
	}, func(p Problem) { all = append(all, fmt.Sprintf("!%s: %s", p.Path, p.Reason)) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWalk(t *testing.T) {
	outside := build(t, "secret", "dir/secret")
	dir := build(t, "a/1", "a/2", "b/c/3", "empty/", "0",
		"stable -> a", "a/two -> ../b/c/3", // within
		"b/up -> ..", "self -> self", "gone -> nothing", // within, and of no use
		"out -> "+outside, "out2 -> ../"+filepath.Base(outside)+"/dir", "b/passwd -> /etc/passwd", "odd\xff\n")
	for _, n := range []string{"pipe", "b/pipe"} {
		if err := syscall.Mkfifo(filepath.Join(dir, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tr := openTree(t, dir)
	const leadsOut = ": a link that leads out of the directory"
	want := []string{"0", "a/1", "a/2", "a/two", "b/c/3", "!b/passwd" + leadsOut, "!b/pipe: a pipe, expected a file", "!b/up: a link to a directory that it lies in",
		"!gone: no such file or directory", "odd\xff\n", "!out" + leadsOut, "!out2" + leadsOut, "!pipe: a pipe, expected a file",
		"!self: too many levels of symbolic links", "stable/1", "stable/2", "stable/two"}
	if got := walked(t, tr, "", nil); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if got := walked(t, tr, "b", func(d string) bool { return d == "b/c" }); slices.Contains(got, "b/c/3") {
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.Walk(ctx, "", nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// What may be opened is what a walk gives, whatever has been put in its place since.
func TestOpen(t *testing.T) {
	outside := build(t, "secret")
	dir := build(t, "a/1", "link -> a/1", "out -> "+outside+"/secret")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	tr := openTree(t, dir)
	for _, p := range []string{"a/1", "link"} {
		if data, err := tr.Read(p, 100); string(data) != "a/1" || err != nil {
			t.Errorf("%s: %q, %v", p, data, err)
		}
	}
	if _, err := tr.Read("a/1", 2); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
	start := time.Now()
	for _, p := range []string{"pipe", "out", "a", "", "../" + filepath.Base(outside) + "/secret", "/etc/passwd", "a/../../x", "none"} {
		f, err := tr.Open(p)
		if err == nil {
			f.Close()
			t.Errorf("%q was opened", p)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Links that lead into each other do not make a walk long.
func TestWalkLinksIntoEachOther(t *testing.T) {
	dir := build(t, "a/f", "b/f", "a/b -> ../b", "b/a -> ../a", "a/a -> .")
	files := 0
	tr := openTree(t, dir)
	err := tr.Walk(t.Context(), "", nil, func(File) error { files++; return nil }, func(Problem) {})
	if err != nil || files != 4 { // a/f, a/b/f, b/f, b/a/f
		t.Errorf("%d files, %v", files, err)
	}
}

// Links side by side do not make a walk long either.
func TestWalkManyLinks(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("%d/f", i), fmt.Sprintf("%d/a -> ../%d", i, i+1), fmt.Sprintf("%d/b -> ../%d", i, i+1))
	}
	files, passed := 0, 0
	tr := openTree(t, build(t, append(names, "30/f")...))
	err := tr.Walk(t.Context(), "", nil, func(File) error { files++; return nil }, func(Problem) { passed++ })
	if err != nil || files > 31*(1+2+4+8) || passed == 0 {
		t.Errorf("%d files, %d passed over, %v", files, passed, err)
	}
}
