// Package lzma makes xz streams again, to the bit, from what they hold and few bytes
// more, whatever encoder made them.
//
// An xz stream is a content and the decisions of an encoder: literal or match, how long
// and from where, and how both are cut into blocks and chunks. Decompose reads them off.
// The entropy coder's part follows from them, so that Rebuild runs it again. Pack writes
// only those decisions that a model does not foresee:
//
//   - What the old stream did at the place that the bytes came from, which the matches
//     of a patch tell, at the distance as it is now.
//   - Else what encoders do: the longest match at the nearest distance, of a few
//     candidates, by their rank; the distances that the old stream had around there.
//
// What is told goes through the adaptive coder of internal/replay, in this order: the
// check; for each block its header, for each of its chunks the kind, reset, properties
// and size, and its decisions. Pack and Rebuild walk through the same model, so a change
// to it is another format: internal/delta has a kind for each.
package lzma
