package rig

import (
	"os"
	"testing"
)

// Rot makes one byte of a file another, as a failing disk does: what a server tells of
// the file stays the same.
func Rot(tb testing.TB, file string, at int64) {
	tb.Helper()
	info, err := os.Stat(file)
	if err != nil {
		tb.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	data[at] ^= 1
	if err := os.WriteFile(file, data, 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		tb.Fatal(err)
	}
}
