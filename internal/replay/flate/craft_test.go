package flate

import (
	"bytes"
	"testing"
)

// crafted is a stream that f writes, of one block of the fixed code. It has a
// second one, stored, and nothing in it is zero that need not be.
func crafted(t *testing.T, f func(put func(token))) []byte {
	t.Helper()
	var out bytes.Buffer
	w := bitWriter{w: &out}
	var c codes
	if err := c.init(&block{kind: fixed}); err != nil {
		t.Fatal(err)
	}
	w.bits(fixed<<1, 3)
	f(func(tok token) { c.write([]token{tok}, &w) })
	c.put(endOfBlock, &w)
	w.bits(stored<<1, 3)
	w.align(0x55)
	w.bits(3|0xfffc<<16, 32)
	w.write([]byte("end"))
	w.bits(fixed<<1|1, 3)
	c.put(endOfBlock, &w)
	w.align(0x7f)
	w.flush()
	return out.Bytes()
}

func TestWhatNoEncoderWrites(t *testing.T) {
	for name, f := range map[string]func(put func(token)){
		"a block of many pieces": func(put func(token)) {
			for i := range 3 * maxPiece {
				put(token(i*i>>7&0xff) << 8)
			}
		},
		"a block of many long matches": func(put func(token)) {
			put('a' << 8)
			for range 100_000 {
				put(match(maxMatch, 1))
			}
		},
		"the longest match as 227 and 31": func(put func(token)) {
			put('a' << 8)
			put(match(maxMatch, 1) | longBit)
			put(match(maxMatch, 1))
		},
		"the farthest match": func(put func(token)) {
			for i := range windowSize {
				put(token(i*i>>9&0xff) << 8)
			}
			put(match(3, windowSize))
			put(match(4, 1))
		},
		"an empty block": func(put func(token)) {},
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, crafted(t, f), Old{}, nil) })
	}
}

func TestRulesKeepTheLimit(t *testing.T) {
	freq := make([]int32, 40) // Fibonacci's numbers make the deepest tree
	a, b := int32(1), int32(1)
	for i := range freq {
		freq[i] = a
		a, b = b, a+b
		if b > 1<<28 {
			b = 1 << 28
		}
	}
	for i, r := range rules {
		for _, limit := range []int{7, maxCode} {
			lengths := make([]uint8, len(freq))
			r(freq, lengths, limit)
			sum := 0
			for _, n := range lengths {
				if n == 0 || int(n) > limit {
					t.Fatalf("rule %d: a length of %d, limit %d", i, n, limit)
				}
				sum += 1 << (limit - int(n))
			}
			if sum != 1<<limit {
				t.Errorf("rule %d: the code is not complete", i)
			}
		}
	}
}
