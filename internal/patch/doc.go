// Package patch writes a new content as runs of an old one, which are equal or
// nearly so, and what is new. Nearly equal runs are stored as byte-wise
// differences: machine code whose addresses moved differs in few bytes, and in
// the same ways again and again.
//
// # Finding
//
// The new content is matched in segments of 4 MiB. Each has a window of at most
// 16 MiB of the old content, indexed by what begins at each byte: that of its
// pair; or, where that is larger or there is none, the surroundings of where the
// run before ended, or else where most of the segment's blocks are found in an
// index of the whole old content by blocks of 16 bytes or more. Through the
// window a run goes on, over bytes that differ, for as long as no other is better by
// some bytes. What is in no run is looked for in the index of blocks.
//
// Make takes at most 300 MiB of memory, whatever the contents' size; a pair of
// small contents takes little.
//
// # Format
//
// Numbers are uvarints as of encoding/binary, signed ones zigzag. A block is
// the number of bytes it holds, at most 4 MiB, and, unless that is 0, the number
// of bytes that follow, and these: what it holds, where both numbers are one, or
// a zstd frame of it.
//
//	patch   = count *matches *batch
//	matches = gaps jumps lengths   ; three blocks, of up to 65536 matches
//	batch   = runs diffs extra     ; three blocks
//
// count is the number of matches. gaps are how far each begins behind the end
// of the one before in the new content; jumps are the same in the old, and signed.
//
// The new content is then made in order: what is in a match from its runs, the
// rest from extra. A match begins with a run of equal bytes, which may be none,
// then has differing and equal ones in turns; runs are their lengths. diffs are
// the bytes, new less old, of the differing runs. A batch holds at most 4 MiB of
// diffs and extra; the next follows when all three of its blocks are used up.
// Nothing follows the last. Neither sizes nor digests are here, nor a version:
// these belong to the container.
package patch
