package cache

import "golang.org/x/sys/unix"

// unmap lets go of the pages of a file's shared mapping. They stay in the page
// cache: the next look finds them there.
func unmap(addr uintptr, size int64) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, addr, uintptr(size), unix.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}
