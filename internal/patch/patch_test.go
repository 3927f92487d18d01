package patch

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func random(seed uint64, n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24), seed))).Read(p)
	return p
}

// code is like machine code: words that repeat, and at every 24th byte the
// address of one of some functions, each of which lies at its place plus moved.
func code(n int, moved uint32) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = binary.LittleEndian.AppendUint32(nil, r.Uint32())
	}
	var p []byte
	for len(p) < n {
		for range 5 {
			p = append(p, words[r.IntN(len(words))]...)
		}
		at := uint32(r.IntN(2000) * 0x123)
		if at > 0x40000 {
			at += moved
		}
		p = binary.LittleEndian.AppendUint32(p, at)
	}
	return p[:n]
}

func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// made is the patch from old to new, proved to give new and the same matches.
func made(t *testing.T, old, new []byte, pairs ...Pair) (patch []byte, matches []Match) {
	t.Helper()
	var w, got bytes.Buffer
	matches, err := Make(&w, bytes.NewReader(old), bytes.NewReader(new), pairs)
	if err != nil {
		t.Fatal("Make:", err)
	}
	patch = slices.Clone(w.Bytes())
	applied, err := Apply(&got, bytes.NewReader(old), &w, int64(len(new)))
	if err != nil {
		t.Fatal("Apply:", err)
	}
	if !bytes.Equal(got.Bytes(), new) {
		t.Fatal("Apply gave another content")
	}
	if !slices.Equal(applied, matches) {
		t.Fatalf("Apply gave other matches: %v, not %v", applied, matches)
	}
	ordered(t, matches, len(old), len(new))
	return patch, matches
}

func ordered(t *testing.T, matches []Match, old, new int) {
	t.Helper()
	end := int64(0)
	for _, m := range matches {
		if m.New < end || m.Len <= 0 || m.New+m.Len > int64(new) || m.Old < 0 || m.Old+m.Len > int64(old) {
			t.Fatalf("match %+v after %d, of %d and %d bytes", m, end, old, new)
		}
		end = m.New + m.Len
	}
}

func TestRoundTrip(t *testing.T) {
	a, b := random(1, 300_000), random(2, 100_000)
	edited := bytes.Clone(a)
	for i := 1000; i < len(edited); i += 10_000 {
		edited[i]++
	}
	for _, c := range []struct {
		name     string
		old, new []byte
		most     int // bytes of patch
	}{
		{"both empty", nil, nil, 3},
		{"old empty", nil, b, len(b) + 100},
		{"new empty", a, nil, 3},
		{"equal", a, a, 50},
		{"edited", a, edited, 300},
		{"inserted", a, cat(a[:50_000], b[:777], a[50_000:]), 777 + 100},
		{"removed", a, cat(a[:50_000], a[60_000:]), 50},
		{"moved", a, cat(a[200_000:], a[:100_000], a[150_000:200_000]), 80},
		{"shorter than a seed", []byte("abc"), []byte("abcd"), 20},
		{"of zeros", make([]byte, 200_000), make([]byte, 5<<20), 100},
		{"unlike", a, b, len(b) + 100},
		{"twice", b, cat(b, b), 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			patch, _ := made(t, c.old, c.new)
			if len(patch) > c.most {
				t.Errorf("the patch has %d bytes, at most %d were expected", len(patch), c.most)
			}
		})
	}
}

// What is beyond a window is found by its blocks, with a pair or without.
func TestLarge(t *testing.T) {
	old := random(3, 18<<20)
	new := cat(old[17<<20:], random(4, 5000), old[:3<<20])
	for _, pairs := range [][]Pair{nil, {{0, int64(len(old)), 0, int64(len(new))}}} {
		patch, _ := made(t, old, new, pairs...)
		if len(patch) > 5000+300 {
			t.Errorf("the patch has %d bytes with %d pairs", len(patch), len(pairs))
		}
	}
}

func TestMovedAddressesCostLessThanADictionary(t *testing.T) {
	old, new := code(2<<20, 0), code(2<<20, 0x1230)
	patch, _ := made(t, old, new)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDictRaw(0, old), zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	if dict := len(enc.EncodeAll(new, nil)); len(patch) > dict/3 {
		t.Errorf("the patch has %d bytes, a dictionary's frame %d", len(patch), dict)
	}
}

// A pair is where a member that is like several is looked for first, and lies
// about it are harmless.
func TestPairs(t *testing.T) {
	a := random(5, 200_000)
	size := int64(len(a))
	new := cat(random(6, 500), a[100_000:], a[:100_000])
	for _, pairs := range [][]Pair{
		{{100_000, 100_000, 500, 100_000}, {0, 100_000, 100_500, 100_000}},
		{{0, 100_000, 500, 100_000}, {100_000, 100_000, 100_500, 100_000}}, // the wrong way round
		{{0, size, 0, size}, {5, size - 5, 0, size}, {0, 7, 1000, size - 1000}},
		{{-1, 10, 0, 10}, {0, 10, -1, 10}, {0, -10, 0, 10}, {0, 10, 0, -10}, {0, 0, 0, 0}},
		{{1 << 62, 1 << 62, 0, 10}, {0, 10, 1<<63 - 1, 10}, {0, size + 1, 0, size}, {0, size, 0, size + 501}},
		{{0, 1, 0, size + 500}, {0, size, 0, 1}},
	} {
		patch, _ := made(t, a, new, pairs...)
		if len(patch) > 700 {
			t.Errorf("the patch has %d bytes with pairs %v", len(patch), pairs)
		}
	}
}

func TestDeterministic(t *testing.T) {
	old, new := code(300_000, 0), code(300_000, 0x777)
	pairs := []Pair{{0, 1000, 0, 1000}, {5000, 100_000, 5000, 100_000}, {5000, 90_000, 5000, 100_000}}
	first, _ := made(t, old, new, pairs...)
	slices.Reverse(pairs)
	second, _ := made(t, old, new, pairs...)
	if !bytes.Equal(first, second) {
		t.Error("two patches of the same differ")
	}
}
