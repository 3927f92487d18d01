// Package apt reads Debian archives. A directory's Release (signed within itself
// as InRelease, or beside it as Release.gpg) lists its indexes by SHA-256; the
// indexes (Packages, Sources, Packages.diff/Index, SHA256SUMS) list the files:
//
//	InRelease ──> main/binary-amd64/Packages.xz ──> pool/main/h/hello/hello_2.10_amd64.deb
//
// The adapter says from a path alone where in this chain it stands, reads the
// two kinds of list, and checks that the files of a root are of one generation.
// It never asks whose signature it is: that is the place of internal/trust.
//
// Formats: https://wiki.debian.org/DebianRepository/Format and deb822(5).
package apt
