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
//
// Container registries have no index, so Pull goes another way:
//
//	Pull(registry, name, reference) ─► where it may be (an alias, library/, itself)
//	   tag           ─► a name in the store, confirmed by HEAD when it is old
//	   manifest      ─► by digest, read and parsed whole
//	   blob          ─► by digest, streamed as it comes
//	   tags, referrers ─► as a tag
//
// and whatever is found is given to who may read it upstream (access.go).
package mirror
