// Package stored says what stands in a data directory that command fill made, for
// it and for who asks for it: a row of names, with a file behind every so many-th.
package stored

import (
	"fmt"

	"mirrord/test/rig"
)

// Size is that of a file: small, so that a hit is mostly look-up.
const Size = 4 << 10

// Entries is how many there are, how many of them, evenly spread, have a file, and how
// many at the beginning have one besides: those go first where room is needed.
type Entries struct{ All, Files, First int }

// Path of the n-th entry that has a file.
func (e Entries) Path(n int) string { return Name(n * (e.All / e.Files)) }

// Name of the i-th entry below repository "r"; in the order of writing.
func Name(i int) string { return fmt.Sprintf("pool/%04d/package-%07d.bin", i/1000, i) }

// Body of the n-th file.
func Body(n int) []byte { return rig.Content(uint64(n), Size) }
