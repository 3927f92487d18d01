package disk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

// TestPosix holds the disk against the FUSE library's own tests of what mirrord does
// with files. Counts of links, which nobody asks for, are not kept.
func TestPosix(t *testing.T) {
	for _, name := range []string{
		"AppendWrite", "FdLeak", "FileBasic", "FileLarge", "LinkUnlinkRename", "MkdirRmdir", "OpenAt", "ParallelFileOpen", "ReadDirBasic", "ReadDirConsistency", "RenameOpenDir",
		"RenameOverwriteDestExist", "RenameOverwriteDestNoExist", "TruncateFile", "TruncateNoFile",
	} {
		fn, known := posixtest.All[name]
		if !known {
			t.Errorf("the library has no test %q", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			if d, ok := Mount(t, NewTree()); ok {
				fn(t, d.Dir)
			}
		})
	}
}

// TestLog: what a process does is logged, a fault is what it gets, and what failed
// was not done.
func TestLog(t *testing.T) {
	d, ok := Mount(t, NewTree())
	if !ok {
		return
	}
	a, b := filepath.Join(d.Dir, "a"), filepath.Join(d.Dir, "sub", "b")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(a, []byte("text"), 0o640))
	d.SetFault(func(o Op) syscall.Errno {
		if o.Kind == Create && o.Below("sub") {
			return syscall.ENOSPC
		}
		return 0
	})
	if err := os.Mkdir(filepath.Dir(b), 0o750); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, expected ENOSPC", err)
	}
	d.SetFault(nil)
	must(os.Mkdir(filepath.Dir(b), 0o750))
	must(os.Rename(a, b))
	must(syncPath(b))
	must(syncPath(filepath.Dir(b)))
	must(os.Truncate(b, 2))
	must(os.Remove(b))
	var got []string
	for _, o := range d.Log() {
		got = append(got, o.String())
	}
	want := []string{"create a", "write a 0+4", "create sub", "rename a to b", "sync sub/b", "sync the directory sub", "truncate sub/b to 2", "remove sub/b"}
	if !slices.Equal(got, want) {
		t.Errorf("logged %q, expected %q", got, want)
	}
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
