package extent

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// TestAgainstBitmap holds the set against the plainest thing that could do its
// work: one flag a byte.
func TestAgainstBitmap(t *testing.T) {
	const size = 64
	rapid.Check(t, func(t *rapid.T) {
		var s Set
		var there [size + 1]bool
		for range rapid.IntRange(1, 12).Draw(t, "adds") {
			off := rapid.Int64Range(0, size).Draw(t, "off")
			end := rapid.Int64Range(0, size).Draw(t, "end")
			s.Add(off, end)
			for i := off; i < end; i++ {
				there[i] = true
			}
			off = rapid.Int64Range(0, size).Draw(t, "off of what goes")
			end = rapid.Int64Range(0, 10).Draw(t, "bytes that go") + off
			s.Remove(off, end)
			for i := off; i < min(end, size); i++ {
				there[i] = false
			}
		}
		var count int64
		for off := range int64(size) {
			upto := off
			for there[upto] {
				upto++
			}
			other := Set{[]Span{{off, off + 3}}}
			any := there[off] || off+1 < size && there[off+1] || off+2 < size && there[off+2]
			if s.Any(off, off+3) != any || s.Meets(&other) != any || other.Meets(&s) != any {
				t.Fatalf("Any(%d, %d) is not %v in %v", off, off+3, any, s)
			}
			if got := s.Upto(off); got != upto {
				t.Fatalf("Upto(%d) = %d, want %d in %v", off, got, upto, s)
			}
			gap := Span{Off: upto, End: upto}
			for gap.End < size && !there[gap.End] {
				gap.End++
			}
			if got, ok := s.Gap(off, size); ok != (upto < size) || ok && got != gap {
				t.Fatalf("Gap(%d) = %v, %v, want %v in %v", off, got, ok, gap, s)
			}
			if there[off] {
				count++
			}
		}
		if s.Len() != count {
			t.Fatalf("Len = %d, want %d", s.Len(), count)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Set
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%s does not come back: %v", text, err)
		}
		if again, _ := json.Marshal(back); string(again) != string(text) {
			t.Fatalf("%s came back as %s", text, again)
		}
	})
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, bad := range []string{"[[5,5]]", "[[5,4]]", "[[-1,4]]", "[[0,4],[4,8]]", "[[8,9],[0,4]]", "[[0]]x", "{}"} {
		var s Set
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s was taken as %v", bad, s)
		}
	}
}
