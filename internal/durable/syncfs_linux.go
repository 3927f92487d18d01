package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// SyncAll brings all that was written to the file system of dir to its disk.
func SyncAll(dir *os.File) error { return os.NewSyscallError("syncfs", unix.Syncfs(int(dir.Fd()))) }
