package delta

import (
	"testing"

	"pgregory.net/rapid"

	"mirrord/internal/patch"
)

// drawMatches draws matches between contents of the given sizes.
func drawMatches(t *rapid.T, old, new int64) (matches []patch.Match) {
	for at := int64(0); at < new && old > 0; {
		at += rapid.Int64Range(0, 2000).Draw(t, "gap")
		m := patch.Match{Old: rapid.Int64Range(0, old-1).Draw(t, "old"), New: at}
		m.Len = min(rapid.Int64Range(1, 20_000).Draw(t, "length"), old-m.Old, new-m.New)
		if m.Len > 0 {
			matches = append(matches, m)
		}
		at = m.New + max(m.Len, 1)
	}
	return matches
}

// TestTranslate holds translate against the same done byte by byte.
func TestTranslate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, new := drawTrees(t)
		old.lay(0)
		new.lay(0)
		matches := drawMatches(t, old.flatLen, new.flatLen)
		oldNodes, newNodes := []*node{old}, []*node{new}
		old.walk(func(n *node) { oldNodes = append(oldNodes, n) })
		new.walk(func(n *node) { newNodes = append(newNodes, n) })
		n := rapid.SampledFrom(newNodes).Draw(t, "n")
		n.old = rapid.SampledFrom(oldNodes).Draw(t, "from")

		fromFlat := map[int64]int64{} // of the old level's bytes
		n.old.raws(func(at, flat, length int64) {
			for i := range length {
				fromFlat[flat+i] = at + i
			}
		})
		toLevel := map[int64]int64{}
		n.raws(func(at, flat, length int64) {
			for i := range length {
				toLevel[flat+i] = at + i
			}
		})
		want := map[int64]int64{} // new byte: old byte
		for _, m := range matches {
			for i := range m.Len {
				at, inNew := toLevel[m.New+i]
				from, inOld := fromFlat[m.Old+i]
				if inNew && inOld {
					want[at] = from
				}
			}
		}
		end := int64(0)
		for _, m := range translate(matches, n) {
			if m.New < end || m.Len <= 0 {
				t.Fatalf("%+v behind %d", m, end)
			}
			end = m.New + m.Len
			for i := range m.Len {
				if from, ok := want[m.New+i]; !ok || from != m.Old+i {
					t.Fatalf("byte %d from %d, want %d (%t)", m.New+i, m.Old+i, from, ok)
				}
				delete(want, m.New+i)
			}
		}
		if len(want) > 0 {
			t.Fatalf("%d bytes of matches are missing", len(want))
		}
	})
}
