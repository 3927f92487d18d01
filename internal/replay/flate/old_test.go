package flate

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"mirrord/internal/patch"
)

// edited is a later version of old: now and then something was put in, left out
// or changed; the matches tell what stayed.
func edited(old []byte) (content []byte, matches []patch.Match) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for at := 0; at < len(old); {
		n := min(5_000+rnd.IntN(60_000), len(old)-at)
		matches = append(matches, patch.Match{Old: int64(at), New: int64(len(content)), Len: int64(n)})
		content = append(content, old[at:at+n]...)
		at += n
		switch rnd.IntN(4) {
		case 0:
			from := rnd.IntN(len(old) - 1000)
			content = append(content, old[from:from+rnd.IntN(1000)]...)
		case 1:
			at = min(at+rnd.IntN(300), len(old))
		case 2:
			content[len(content)-1-rnd.IntN(n)] ^= 1
		}
	}
	return content, matches
}

func oldOf(t testing.TB, stream []byte) Old {
	content, script := decompose(t, stream)
	return Old{Content: contentOf(content), Script: contentOf(script)}
}

func TestOlderStreamForetells(t *testing.T) {
	before := sample(2_000_000)
	after, matches := edited(before)
	for _, level := range []int{1, 5, 6} {
		old, stream := oldOf(t, klauspost(before, level)), klauspost(after, level)
		alone := len(roundTrip(t, stream, Old{}, nil))
		packed := len(roundTrip(t, stream, old, matches))
		if packed > len(stream)*3/100 || packed > alone/5 {
			t.Errorf("level %d: %d bytes take %d, and %d without the older stream", level, len(stream), packed, alone)
		}
		same := len(roundTrip(t, klauspost(before, level), old, []patch.Match{{Len: int64(len(before))}}))
		if same > 512+len(stream)/2000 {
			t.Errorf("level %d: the same stream takes %d bytes", level, same)
		}
	}
}

func TestOlderStreamForetellsASmallOne(t *testing.T) {
	before := sample(20_000)
	after, matches := edited(before)
	stream := klauspost(after, 6)
	alone, packed := len(roundTrip(t, stream, Old{}, nil)), len(roundTrip(t, stream, oldOf(t, klauspost(before, 6)), matches))
	if packed > alone/3 {
		t.Errorf("%d bytes take %d, and %d without the older stream", len(stream), packed, alone)
	}
}

func TestAnOlderStreamThatHasNothingToDoWithIt(t *testing.T) {
	old := oldOf(t, goFlate(sample(50_000), 1))
	stream := klauspost(sample(200_000), 5)
	roundTrip(t, stream, old, []patch.Match{
		{Old: -5, New: 0, Len: 100}, {Old: 40_000, New: 100, Len: 50_000}, {Old: 0, New: 60_000, Len: 1 << 40},
		{Old: 7, New: 3, Len: 100},
	})
	roundTrip(t, stream, old, nil)
}

func TestScriptIsFoundByPlace(t *testing.T) {
	_, script := decompose(t, klauspost(sample(3_000_000), 1))
	var starts []int64
	r := newScriptReader(contentOf(script))
	for {
		at := r.pos
		tok, record, _, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if tok != end {
			starts = append(starts, at)
		} else if record>>kindShift&3 == endRecord {
			break
		}
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	e := newElder(Old{Script: contentOf(script)}, nil, nil)
	for range 2000 {
		i := rnd.IntN(len(starts))
		for range 1 + rnd.IntN(5) {
			if err := e.goTo(starts[i]); err != nil {
				t.Fatal(err)
			}
			if e.from != starts[i] || e.over {
				t.Fatalf("the token at %d is found at %d", starts[i], e.from)
			}
			i = max(i-rnd.IntN(3), 0)
		}
	}
}

func TestHopFindsWhatWalkFinds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	var tagged []byte // what begins alike everywhere, in chains longer than are searched
	for range 8000 {
		tagged = append(tagged, 'x', 'y', 'z', 'w', byte('a'+rnd.IntN(8)), byte('a'+rnd.IntN(8)), byte('a'+rnd.IntN(8)))
	}
	content := bytes.Join([][]byte{sample(60_000), make([]byte, 3000), bytes.Repeat([]byte("abcab"), 3000), tagged, sample(60_000)}, nil)
	for _, family := range []int{gzipFamily, zlibBig, goFamily} {
		for _, level := range []int{6, 8, 9} {
			e, _ := encoderOf(family, level)
			walker, hopper := newMatcher(&e, newWindow(contentOf(content))), newMatcher(&e, newWindow(contentOf(content)))
			for pos := int64(0); pos < int64(len(content)); pos++ {
				for _, m := range []*matcher{walker, hopper} {
					if _, err := m.win.at(pos); err != nil {
						t.Fatal(err)
					}
				}
				best := walker.min - 1 + int(pos%5)
				var got [2]found
				for i, m := range []*matcher{walker, hopper} {
					if s, ok := m.search(pos, best, e.chain); ok {
						if i == 0 {
							s.walk(false)
						} else {
							s.hop()
						}
						got[i] = s.got
					}
				}
				if got[0] != got[1] {
					t.Fatalf("family %d level %d at %d: walk finds %v, hop %v", family, level, pos, got[0], got[1])
				}
			}
		}
	}
}
