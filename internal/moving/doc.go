// Package moving takes in what another cache has on disk, and writes a plain tree that
// can be carried elsewhere.
//
//	a directory ─► mounts: which part of it is which repository
//	            ─► mirror.Intake: roots, then what these name, then what that names
//	            ─► the store
//
// Nothing in the directory is believed but what an index or a digest vouches for. What
// is passed over is counted, and told in a line where somebody may want to know.
package moving
