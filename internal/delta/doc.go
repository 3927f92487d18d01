// Package delta makes a new file from an old one and the little that differs, to the
// bit, though both be packages or layers whose compression hides that they are alike.
//
// Make unfolds both files: each compressed stream, also within archives and within
// other streams, is replaced by what it holds. The flat contents are patched
// (internal/patch), and how the new file's encoders decided is told with the old
// file's decisions as a model (internal/replay). Apply unfolds the old file by the
// tree of streams that the delta tells, patches, and folds:
//
//	old file --unfold--> flat content --patch--> new flat content --fold--> new file
//
// docs/design/delta.md has the reasons, docs/design/recipe.md the format.
package delta
