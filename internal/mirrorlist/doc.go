// Package mirrorlist knows the lists of mirrors that dnf reads: a mirrorlist is one
// URL a line, a metalink is XML that also says which digests repomd.xml may have.
//
// A Template says of a family of lists where in a tree the repository stands whose
// mirrors they name:
//
//	https://lists.example/metalink?repo=fedora-$releasever&arch=$basearch
//	                                           │                │
//	releases/$releasever/Everything/$basearch/os
//
// Read one way it turns a line of a .repo file into a path, the other way a path into
// the URL of the list that covers it. The package is pure.
package mirrorlist
