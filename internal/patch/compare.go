package patch

import (
	"encoding/binary"
	"math/bits"
)

// equal is the length of the common start of a and b.
func equal(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := word(a, i) ^ word(b, i); x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// equalEnd is the length of the common end of a and b.
func equalEnd(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	i := 0
	for i < n && a[n-1-i] == b[n-1-i] {
		i++
	}
	return i
}

// alike counts the positions at which a and b, of one length, are equal.
func alike(a, b []byte) int {
	b = b[:len(a)]
	n, i := 0, 0
	for ; i+8 <= len(a); i += 8 {
		const low = 0x7f7f7f7f7f7f7f7f
		x := word(a, i) ^ word(b, i)
		// The top bit of each byte that is not zero.
		n += 8 - bits.OnesCount64((x&low+low|x)&^low)
	}
	for ; i < len(a); i++ {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// A run that goes on over differing bytes gains one for each that is equal and
// loses one for each that is not; where it has lost lapse since its best, it has ended.
const lapse = 128

// extend is how far a run that begins with a and b is worth going.
func extend(a, b []byte) int {
	n := min(len(a), len(b))
	return stretch(n, func(i int) int { return equal(a[i:n], b[i:n]) })
}

// extendBack is how far before the ends of a and b a run is worth beginning.
func extendBack(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	return stretch(n, func(i int) int { return equalEnd(a[:n-i], b[:n-i]) })
}

// stretch is how far a run of at most n bytes is worth going, where equal tells how many
// bytes, behind the first i, are equal in a row.
func stretch(n int, equal func(i int) int) int {
	best, at, score := 0, 0, 0
	for i := 0; i < n; {
		if e := equal(i); e > 0 {
			i += e
			score += e
			if score > best {
				best, at = score, i
			}
			continue
		}
		i++
		score--
		if score <= best-lapse {
			break
		}
	}
	return at
}

func word(p []byte, i int) uint64 { return binary.LittleEndian.Uint64(p[i:]) }
