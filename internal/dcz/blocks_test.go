package dcz

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"mirrord/internal/digest"
)

// TestEverySize: the forms of headers and codes change at these sizes.
func TestEverySize(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hex := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdef"[r.IntN(16)]
		}
		return b
	}
	dictionary := hex(200 << 10)
	for _, size := range []int{
		0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097,
		1<<14 - 1, 1 << 14, blockMax - 1, blockMax, blockMax + 1, 2*blockMax + 5,
	} {
		for name, content := range map[string][]byte{
			"of digits, which have a tree":  hex(size),
			"of one byte":                   bytes.Repeat([]byte{'a'}, size),
			"of a repetition":               dictionary[:min(size, len(dictionary))],
			"of repetitions and new digits": append(append(bytes.Clone(dictionary[77:77+min(size, 100<<10)]), hex(size)...), dictionary[99:99+min(size, 100<<10)]...),
		} {
			if _, err := Encode(dictionary, digest.Of(dictionary), content, 8*len(content)+4<<10); err != nil {
				t.Errorf("%d bytes %s: %v", size, name, err)
			}
		}
	}
}

// TestManySequences: a block has more of them than one byte tells, and than two do.
func TestManySequences(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dictionary := make([]byte, 64<<10)
	for i := range dictionary {
		dictionary[i] = byte(r.Uint32())
	}
	for _, length := range []int{4, 5, 9, 40, 1000} {
		var content []byte
		for len(content) < 2*blockMax {
			at := r.IntN(len(dictionary) - length)
			content = append(content, dictionary[at:at+length]...)
			if r.IntN(3) == 0 {
				content = append(content, byte(r.Uint32()))
			}
		}
		if _, err := Encode(dictionary, digest.Of(dictionary), content, 8*len(content)); err != nil {
			t.Errorf("repetitions of %d bytes: %v", length, err)
		}
	}
	w := newBlockWriter()
	list := make([]sequence, 0x7f00+3)
	for i := range list {
		list[i] = sequence{1, 3, 7}
	}
	if got := w.appendSequences(nil, list); got[0] != 0xff || got[1] != 3 || got[2] != 0 {
		t.Errorf("the count of %d sequences is %x", len(list), got[:3])
	}
}

// TestRepeats: the numbers of distances (RFC 8878, 3.1.1.5).
func TestRepeats(t *testing.T) {
	r := firstRepeats
	for i, tc := range []struct {
		s      sequence
		number int
		after  repeats
	}{
		{sequence{1, 5, 1}, 1, repeats{1, 4, 8}},
		{sequence{1, 5, 4}, 2, repeats{4, 1, 8}},
		{sequence{1, 5, 8}, 3, repeats{8, 4, 1}},
		{sequence{0, 5, 4}, 1, repeats{4, 8, 1}},
		{sequence{0, 5, 1}, 2, repeats{1, 4, 8}},
		{sequence{1, 5, 100}, 103, repeats{100, 1, 4}},
		{sequence{0, 5, 99}, 3, repeats{99, 100, 1}},
		{sequence{0, 5, 99}, 102, repeats{99, 99, 100}},
	} {
		before := r
		if got := r.use(tc.s); got != tc.number {
			t.Errorf("%d: %+v after %v: %d, expected %d", i, tc.s, before, got, tc.number)
		}
		if r != tc.after {
			t.Errorf("%d: %v, expected %v", i, r, tc.after)
		}
	}
}

// TestRawBlock: what was tried and then written as it is changes nothing for the decoder.
func TestRawBlock(t *testing.T) {
	dictionary := []byte("a dictionary, which begins with something")
	noise := make([]byte, 64)
	rand.NewChaCha8([32]byte{}).Read(noise)
	first := append(bytes.Clone(noise), dictionary[:3]...)
	second := append(bytes.Repeat([]byte("xyyyyzzx"), 20), dictionary...)
	far := sequence{160, len(dictionary), len(dictionary) + len(first) + 160}
	near := sequence{160, len(dictionary), len(second)}
	w := newBlockWriter()
	coded := append(header(digest.Of(dictionary)), frameMagic...)
	coded = append(coded, frameDescriptor, byte(len(first)+2*len(second)), byte((len(first)+2*len(second))>>8), 0, 0)
	before := len(coded)
	coded = w.append(coded, first, []sequence{{64, 3, len(dictionary) + 64}}, false)
	if kind := coded[before] >> 1 & 3; kind != blockRaw {
		t.Fatalf("the first block is of kind %d, expected a raw one", kind)
	}
	coded = w.append(coded, second, []sequence{far}, false)
	coded = w.append(coded, second, []sequence{near}, true)
	if err := check(coded, dictionary, digest.Of(dictionary), append(append(first, second...), second...)); err != nil {
		t.Error(err)
	}
	if want := (repeats{near.distance, far.distance, 1}); w.rep != want {
		t.Errorf("%v, expected %v: a distance that was only tried is remembered", w.rep, want)
	}
}
