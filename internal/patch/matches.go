package patch

import "encoding/binary"

// Matches are sent by so many in a block, which is thus within maxBlock.
const matchesPerBlock = 1 << 16

// writeMatches writes how many there are, and blocks of three columns: how far
// each begins behind the end of the one before in the new content and, with its
// sign in the lowest bit, in the old one; and its length.
func writeMatches(p *packer, matches []Match) error {
	var head [binary.MaxVarintLen64]byte
	if _, err := p.w.Write(head[:binary.PutUvarint(head[:], uint64(len(matches)))]); err != nil {
		return err
	}
	var last Match
	for len(matches) > 0 {
		n := min(len(matches), matchesPerBlock)
		var gaps, jumps, lens []byte
		for _, m := range matches[:n] {
			gaps = binary.AppendUvarint(gaps, uint64(m.New-last.New-last.Len))
			jumps = binary.AppendVarint(jumps, m.Old-last.Old-last.Len)
			lens = binary.AppendUvarint(lens, uint64(m.Len))
			last = m
		}
		for _, column := range [][]byte{gaps, jumps, lens} {
			if err := p.block(column); err != nil {
				return err
			}
		}
		matches = matches[n:]
	}
	return nil
}

// readMatches reads them, every one within the old content's size and the new one's.
func readMatches(u *unpacker, oldSize, size int64) ([]Match, error) {
	left, err := u.uvarint(min(MaxMatches, size), "the number of matches")
	if err != nil {
		return nil, err
	}
	var matches []Match
	var last Match
	var columns [3][]byte
	for left > 0 {
		n := min(left, matchesPerBlock)
		for i := range columns {
			if columns[i], err = u.block(columns[i], int(n)*binary.MaxVarintLen64); err != nil {
				return nil, err
			}
		}
		c := columns
		for range n {
			gap, n0 := binary.Uvarint(c[0])
			jump, n1 := binary.Varint(c[1])
			length, n2 := binary.Uvarint(c[2])
			if n0 <= 0 || n1 <= 0 || n2 <= 0 {
				return nil, corrupt("match %d is no number", len(matches))
			}
			c[0], c[1], c[2] = c[0][n0:], c[1][n1:], c[2][n2:]
			last, err = last.next(gap, jump, length, oldSize, size)
			if err != nil {
				return nil, err
			}
			matches = append(matches, last)
		}
		if len(c[0])+len(c[1])+len(c[2]) > 0 {
			return nil, corrupt("more numbers than its matches have")
		}
		left -= n
	}
	return matches, nil
}

// next is the match behind m, where it is within both contents and not empty.
func (m Match) next(gap uint64, jump int64, length uint64, oldSize, size int64) (Match, error) {
	at, from := m.New+m.Len, m.Old+m.Len // both within the sizes, as m is
	if gap > uint64(size-at) || length == 0 || length > uint64(size-at)-gap {
		return m, corrupt("a match is not within the %d bytes of the new content", size)
	}
	if jump < -from || jump > oldSize-from || length > uint64(oldSize-from-jump) {
		return m, corrupt("a match is not within the %d bytes of the old content", oldSize)
	}
	return Match{from + jump, at + int64(gap), int64(length)}, nil
}
