package dcz

import "math/bits"

// appendSequences appends a section of sequences (RFC 8878, 3.1.1.3.2), whose codes all
// are of the predefined tables.
func (w *blockWriter) appendSequences(to []byte, list []sequence) []byte {
	n := len(list)
	switch {
	case n == 0:
		return append(to, 0)
	case n < 0x80:
		to = append(to, byte(n))
	case n < 0x7f00:
		to = append(to, byte(n>>8+0x80), byte(n))
	default:
		to = append(to, 0xff, byte(n-0x7f00), byte((n-0x7f00)>>8))
	}
	const predefined = 0
	to = append(to, predefined)
	coded := make([]codedSequence, n)
	for i, s := range list {
		coded[i] = codedSequence{
			literals: literalCodes.of(s.literals),
			length:   lengthCodes.of(s.length),
			distance: distanceOf(w.rep.use(s)),
		}
	}
	return appendCodes(to, coded)
}

// codedSequence is a sequence as symbols and bits.
type codedSequence struct{ literals, length, distance code }

// code is a symbol and the bits that go with it.
type code struct {
	symbol int
	extra  uint64
	width  int // of extra, in bits
}

// distanceOf is the code of the number of a distance.
func distanceOf(number int) code {
	width := bits.Len(uint(number)) - 1
	return code{width, uint64(number - 1<<width), width}
}

// appendCodes writes the sequences from the last to the first, as they are read backwards.
func appendCodes(to []byte, list []codedSequence) []byte {
	b := bitWriter{to: to}
	var literals, length, distance state
	for i := len(list) - 1; i >= 0; i-- {
		s := list[i]
		if i == len(list)-1 {
			length, distance, literals = lengthTable.begin(s.length.symbol), distanceTable.begin(s.distance.symbol), literalTable.begin(s.literals.symbol)
		} else {
			distanceTable.encode(&b, &distance, s.distance.symbol)
			lengthTable.encode(&b, &length, s.length.symbol)
			literalTable.encode(&b, &literals, s.literals.symbol)
		}
		for _, c := range []code{s.literals, s.length, s.distance} {
			b.add(c.extra, c.width)
		}
	}
	b.add(uint64(length), lengthTable.log)
	b.add(uint64(distance), distanceTable.log)
	b.add(uint64(literals), literalTable.log)
	return b.end()
}

// bitWriter writes bits, the lowest first.
type bitWriter struct {
	to   []byte
	held uint64
	n    int // bits held, below 8 between two calls
}

// add writes the lowest width bits of v, at most 32.
func (b *bitWriter) add(v uint64, width int) {
	b.held |= v & (1<<width - 1) << b.n
	for b.n += width; b.n >= 8; b.n -= 8 {
		b.to = append(b.to, byte(b.held))
		b.held >>= 8
	}
}

// end marks the end by a bit, from which a reader starts backwards.
func (b *bitWriter) end() []byte {
	b.add(1, 1)
	if b.n > 0 {
		b.to = append(b.to, byte(b.held))
	}
	return b.to
}

// codes tells for each symbol the least value that it stands for, and how many bits say
// which of its values.
type codes []struct{ least, width int }

// newCodes makes the codes from the widths, of which the first single have one value each.
func newCodes(least, single int, widths ...int) (all codes) {
	for range single {
		all = append(all, struct{ least, width int }{least, 0})
		least++
	}
	for _, w := range widths {
		all = append(all, struct{ least, width int }{least, w})
		least += 1 << w
	}
	return all
}

// The codes of lengths (RFC 8878, 3.1.1.3.2.1.1).
var (
	literalCodes = newCodes(0, 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	lengthCodes  = newCodes(3, 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
)

func (all codes) of(v int) code {
	i := len(all) - 1
	for all[i].least > v {
		i--
	}
	return code{i, uint64(v - all[i].least), all[i].width}
}
