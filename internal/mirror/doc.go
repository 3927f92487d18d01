// Package mirror answers for a path of a repository: it plans what the path
// means, finds what an index vouches for, and has the store give it.
//
//	Open(repo, path) ─► adapter.Plan
//	   Root   InRelease …   ─► the current generation's, refreshed when it is old
//	   Index  Packages …    ─► named by a generation: by digest, whole and checked
//	   Leaf   *.deb …       ─► named by an index: by digest, streamed as it comes
//	   Free   anything else ─► by upstream's validators and a time to live
//
// A generation is a root and all that hangs from it by digest. A new one becomes
// current in one write, when what clients use of the old is there and checked:
// nobody sees half of one and half of another.
package mirror
