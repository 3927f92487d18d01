package mirror

import (
	"maps"
	"testing"
	"time"

	"mirrord/internal/faulty"
)

// TestRefreshesAreCounted: by what became of each.
func TestRefreshesAreCounted(t *testing.T) {
	h, _ := stocked(t)
	counted := func() map[Outcome]int64 {
		for _, tr := range h.m.Tracked() {
			if tr.Repo == "deb" {
				if len(tr.Roots) != 1 || tr.Roots[0].Checked == nil {
					t.Errorf("roots: %+v", tr.Roots)
				}
				return tr.Refreshes
			}
		}
		t.Fatal("deb is missing")
		return nil
	}
	before := counted()
	if before[Fetched] != 1 || before[Failed] != 0 {
		t.Errorf("%v after the first", before)
	}
	step := func(how Outcome) {
		t.Helper()
		h.advance(2 * time.Minute)
		h.read(new(Client), suite+"/Release")
		want := maps.Clone(before)
		want[how]++
		if before = counted(); !maps.Equal(before, want) {
			t.Errorf("%v, expected %v", before, want)
		}
	}
	step(Unchanged)
	newArchive("2", "hello").seal(monday.Add(time.Hour)).publish(h.ups[0])
	step(Changed)
	h.ups[0].Fail("/"+suite+"/Release", faulty.Status(403).Always())
	step(Failed)
}
