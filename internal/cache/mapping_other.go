//go:build !linux

package cache

// unmap does nothing: elsewhere MADV_DONTNEED is advice of another kind.
func unmap(uintptr, int64) error { return nil }
