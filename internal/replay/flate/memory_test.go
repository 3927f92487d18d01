package flate

import (
	"bytes"
	"runtime"
	"testing"

	"mirrord/internal/patch"
)

// heapMeter discards what is written, and notes how large the heap is at times.
type heapMeter struct {
	writes int
	most   uint64
}

func (m *heapMeter) Write(p []byte) (int, error) {
	if m.writes++; m.writes%16 == 0 {
		m.most = max(m.most, heap())
	}
	return len(p), nil
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestRebuildTakesLittleMemory(t *testing.T) {
	before := sample(4_000_000)
	after, matches := edited(before)
	old := oldOf(t, klauspost(before, 1))
	packed := roundTrip(t, klauspost(after, 1), old, matches)
	long := crafted(t, func(put func(token)) {
		for i := range 2_000_000 {
			put(token(i*i>>7&0xff) << 8)
		}
	})
	content, _ := decompose(t, long)
	for _, c := range []struct {
		name            string
		packed, content []byte
		old             Old
		matches         []patch.Match
	}{
		{"by the old", packed, after, old, matches},
		{"a long block", roundTrip(t, long, Old{}, nil), content, Old{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, m := heap(), new(heapMeter)
			if err := Rebuild(m, bytes.NewReader(c.packed), contentOf(c.content), c.old, c.matches); err != nil {
				t.Fatal(err)
			}
			if grown := int64(m.most) - int64(base); grown > 4<<20 {
				t.Errorf("the heap grows by %d KiB, want at most 4 MiB", grown>>10)
			}
		})
	}
}
