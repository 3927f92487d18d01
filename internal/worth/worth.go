// Package worth says which stored object goes first where room is needed.
//
//	used once   ──► goes first, as long as a tenth of the bytes are of such objects
//	used again  ──► goes when fewer are
//
// In each of the two the object goes that is worth least: what it spares upstream
// for each byte that it takes. One pass over all there is passes through the first
// tenth. What is not used ages, for what comes later is worth more by what the last
// victim was worth. docs/design/eviction.md has the measures.
package worth

import "time"

const (
	// Grain is the time in which uses are one: a build asks for a package again when
	// it is tried again, a fleet asks together.
	Grain = 10 * time.Minute
	// UsesMost is how many uses count. What was asked for a thousand times a year ago
	// must not stay for a year.
	UsesMost = 8
	// request is what a request to upstream costs besides the bytes that it brings, in
	// bytes: 20 to 50 ms of a line that brings 20 to 50 MB/s.
	request = 1 << 20
	// block is what an object takes besides its bytes: the rest of its last block on
	// disk, an inode, its records.
	block = 4 << 10
	// onceShare is the part, one in so many, that objects used once may have.
	onceShare = 10
)

// Of is what an object is worth, above 0 and at most some thousands.
func Of(uses int, size int64) float64 {
	return float64(min(uses, UsesMost)) * float64(request+size) / float64(block+size)
}

// OnceFirst reports which goes first, by the bytes of objects used once and of those
// used again.
func OnceFirst(once, again int64) bool { return once > (once+again)/onceShare }

// Again reports a use that counts after the one before, in unix milliseconds. A clock
// that was set back must not keep uses from counting.
func Again(last, now int64) bool {
	return now-last >= Grain.Milliseconds() || last-now >= Grain.Milliseconds()
}
