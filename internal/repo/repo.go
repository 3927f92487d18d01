package repo

import (
	"time"

	"mirrord/internal/digest"
)

// Class says who vouches for a path, and so how it is kept fresh.
type Class int

const (
	// Free paths are vouched for by nobody: kept by upstream's validators and a
	// time to live.
	Free Class = iota
	// Root paths are the mutable head of a generation (InRelease, repomd.xml).
	Root
	// Index paths hang from a root: a root, or an index under it, names them.
	// They are served only when whole and checked.
	Index
	// Leaf paths (a .deb, a source tarball) are named by an index, and the
	// clients check them too, so they stream while they are fetched.
	Leaf
)

// Plan is what one path of a repository means. It is worked out from the path
// alone.
type Plan struct {
	Path  string // clean, relative to the repository, no leading slash
	Class Class
	// Roots are the directories whose root may vouch for the path, the likeliest
	// first, "" for the top. For Class Root it is the one directory of the root.
	Roots []string
	// Member is the file's name within its root, for Class Root.
	Member string
	// Digest is the one that the path itself names (by-hash), else "".
	Digest digest.Digest
	// Role is, for Class Index, the path without what changes from generation to
	// generation (the checksum in the names of metadata); "" = Path. What clients use
	// is remembered by it.
	Role string
	// Vouches reports that the file names other files, for Adapter.Read.
	Vouches bool
	// Rebuilds is the index, less its compression, that clients have in effect who
	// have this file: PDiff makes it from this and an older copy, and a repomd.xml
	// leads to it in some form. They may never fetch it, but it is what names the
	// files they ask for next. "" otherwise.
	Rebuilds string
	// Base tells apart equal indexes at different places: what an index vouches
	// for depends on its bytes and its Base only.
	Base string
}

// Ref is an index's promise about one file.
type Ref struct {
	Path   string // relative to the repository, clean
	Size   int64  // bytes
	Digest digest.Digest
	// Also holds the file's other digests, by which by-hash paths may ask for it.
	Also []digest.Digest
}

// Listing is what a root vouches for.
type Listing struct {
	// ID names the generation: the digest of the text that the root's files
	// agree on, whatever its signature.
	ID     digest.Digest
	Date   time.Time // when upstream made it; zero where not told
	ByHash bool      // upstream says that indexes can be had by their hash
	// Complete says that upstream keeps all that it lists. Archives of apt list
	// compressions that they do not keep.
	Complete bool
	Refs     []Ref
	// Unchecked are paths that the root names without a strong digest.
	Unchecked []string
}
