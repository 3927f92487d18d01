package flate

import "math/bits"

// Lengths and distances are written as a code and extra bits.
type span struct {
	base  int
	extra uint
}

var (
	lengthCodes [29]span
	distCodes   [maxDist]span
	lengthCode  [maxMatch + 1]uint8 // by length
	distSmall   [257]uint8          // by distance, up to 256
)

func init() {
	base := minMatch
	for i := range lengthCodes {
		extra := uint(0)
		if i >= 8 {
			extra = uint(i/4 - 1)
		}
		if i == 28 {
			base, extra = maxMatch, 0
		}
		lengthCodes[i] = span{base, extra}
		for n := base; n < base+1<<extra && n <= maxMatch; n++ {
			lengthCode[n] = uint8(i)
		}
		base += 1 << extra
	}
	base = 1
	for i := range distCodes {
		extra := uint(0)
		if i >= 4 {
			extra = uint(i/2 - 1)
		}
		distCodes[i] = span{base, extra}
		for n := base; n < base+1<<extra && n < len(distSmall); n++ {
			distSmall[n] = uint8(i)
		}
		base += 1 << extra
	}
}

func distCode(dist int) int {
	if dist < len(distSmall) {
		return int(distSmall[dist])
	}
	n := bits.Len(uint(dist-1)) - 1
	return 2*n + (dist-1)>>(n-1)&1
}

// canonical gives the codes that lengths stand for, bits in the order in which
// they are written. It reports whether more are asked for than there are.
func canonical(lengths []uint8, codes []uint16) error {
	var count, next [maxCode + 2]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= maxCode; n++ {
		next[n+1] = (next[n] + count[n]) << 1
		if next[n]+count[n] > 1<<n {
			return ErrFormat
		}
	}
	for i, n := range lengths {
		codes[i] = 0
		if n > 0 {
			codes[i] = bits.Reverse16(uint16(next[n])) >> (16 - n)
			next[n]++
		}
	}
	return nil
}

const (
	quickBits = 10
	subBits   = maxCode - quickBits
)

// A decoder finds the symbol that comes next. An entry is symbol<<4 | length of
// the code, 0 where there is none; longer codes are in a second table, whose
// number stands behind the mark.
type decoder struct {
	quick [1 << quickBits]uint16
	sub   [][1 << subBits]uint16
}

const subMark = 1 << 15

// init makes d read the code of the given lengths.
func (d *decoder) init(lengths []uint8) error {
	var codes [maxLit + 2]uint16
	if err := canonical(lengths, codes[:]); err != nil {
		return err
	}
	d.quick = [1 << quickBits]uint16{}
	d.sub = d.sub[:0]
	for i, n := range lengths {
		entry, code := uint16(i)<<4|uint16(n), int(codes[i])
		switch {
		case n == 0:
		case n <= quickBits:
			for ; code < 1<<quickBits; code += 1 << n {
				d.quick[code] = entry
			}
		default:
			low := &d.quick[code&(1<<quickBits-1)]
			if *low == 0 {
				*low = subMark | uint16(len(d.sub))
				d.sub = append(d.sub, [1 << subBits]uint16{})
			}
			sub := &d.sub[*low&^subMark]
			for code >>= quickBits; code < 1<<subBits; code += 1 << (n - quickBits) {
				sub[code] = entry
			}
		}
	}
	return nil
}

// look gives the entry of the code that acc begins with.
func (d *decoder) look(acc uint64) uint16 {
	e := d.quick[acc&(1<<quickBits-1)]
	if e&subMark != 0 {
		e = d.sub[e&^subMark][acc>>quickBits&(1<<subBits-1)]
	}
	return e
}

// next takes one symbol.
func (d *decoder) next(b *bitReader) (int, error) {
	if b.n < maxCode {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	e := d.look(b.acc)
	n := uint(e & 15)
	if n == 0 || n > b.n {
		if b.n < maxCode {
			return 0, errShort
		}
		return 0, ErrFormat
	}
	b.drop(n)
	return int(e >> 4), nil
}
