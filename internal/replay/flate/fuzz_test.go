package flate

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"mirrord/internal/patch"
)

// bounded refuses what is more than a megabyte.
type bounded struct{ bytes.Buffer }

var errFull = errors.New("full")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > 1<<20 {
		return 0, errFull
	}
	return b.Buffer.Write(p)
}

// FuzzDecompose: what is a stream is rebuilt to the bit, what is none is an error.
func FuzzDecompose(f *testing.F) {
	for level := -2; level <= 9; level++ {
		f.Add(goFlate(sample(2000), level))
		f.Add(klauspost(sample(2000), level))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		var content, script bounded
		r := bufio.NewReader(bytes.NewReader(stream))
		if Decompose(r, &content, &script) != nil {
			return
		}
		at := len(stream) - r.Buffered()
		old := oldOf(t, goFlate(content.Bytes(), 1))
		matches := []patch.Match{{Len: int64(content.Len())}}
		var packed, out bytes.Buffer
		if err := Pack(&packed, contentOf(script.Bytes()), contentOf(content.Bytes()), old, matches); err != nil {
			t.Fatal(err)
		}
		if err := Rebuild(&out, &packed, contentOf(content.Bytes()), old, matches); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), stream[:at]) {
			t.Fatal("what is rebuilt is other")
		}
	})
}

// FuzzRebuild: nothing that a packed form or matches say does harm.
func FuzzRebuild(f *testing.F) {
	content := sample(5000)
	old := oldOf(f, klauspost(sample(6000), 1))
	for level := -2; level <= 9; level++ {
		f.Add(roundTrip(f, goFlate(content, level), Old{}, nil), int64(0), int64(0), int64(0))
		f.Add(roundTrip(f, klauspost(content, level), old, []patch.Match{{Len: 5000}}), int64(0), int64(0), int64(5000))
	}
	f.Fuzz(func(t *testing.T, packed []byte, from, to, n int64) {
		var out bounded
		matches := []patch.Match{{Old: from, New: to, Len: n}}
		err := Rebuild(&out, bytes.NewReader(packed), contentOf(content), old, matches)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, errFull) {
			t.Fatalf("%v is not laid to the packed form", err)
		}
	})
}

// FuzzStreams: any content, by any of the encoders at hand, with an older stream of
// a part of it.
func FuzzStreams(f *testing.F) {
	f.Add([]byte("abcabcabcabcabcd"), 6, uint16(3))
	f.Add(sample(3000), 1, uint16(500))
	f.Fuzz(func(t *testing.T, content []byte, level int, cut uint16) {
		level = 1 + (level&0xff)%9
		k := min(int(cut), len(content))
		matches := []patch.Match{{New: int64(k), Len: int64(len(content) - k)}}
		roundTrip(t, goFlate(content, level), oldOf(t, goFlate(content[k:], level)), matches)
		roundTrip(t, klauspost(content, level), oldOf(t, klauspost(content[k:], level)), matches)
	})
}
