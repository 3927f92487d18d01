package clone

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Bytes makes to, which is empty, a clone of from. An error is most often that the
// file system has no clones, or that there are two.
func Bytes(to, from *os.File) error {
	return os.NewSyscallError("ficlone", unix.IoctlFileClone(int(to.Fd()), int(from.Fd())))
}

// Link gives the open file the further name to. It is that very file, whatever stands
// at its path by now.
func Link(from *os.File, to string) error { return link(from, unix.AT_FDCWD, to) }

// LinkIn is Link for a name in a directory that is open.
func LinkIn(from, dir *os.File, to string) error { return link(from, int(dir.Fd()), to) }

func link(from *os.File, dir int, to string) error {
	// AT_EMPTY_PATH would need a capability.
	path := fmt.Sprintf("/proc/self/fd/%d", from.Fd())
	return os.NewSyscallError("linkat", unix.Linkat(unix.AT_FDCWD, path, dir, to, unix.AT_SYMLINK_FOLLOW))
}
