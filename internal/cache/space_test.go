package cache

import (
	"slices"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// TestBudgets: an account over its own budget loses its own objects, and nobody
// else's; one without a budget has what the others leave.
func TestBudgets(t *testing.T) {
	o := Options{Dir: t.TempDir(), MaxSize: 20 << 20, Budgets: map[string]int64{"a": 3<<20 + 100}}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var a, b []digest.Digest
	for i := range 3 {
		b = append(b, fillFor(t, s, "b", 1<<20+1000+i)) // older, and worth less
	}
	for i := range 5 {
		a = append(a, fillFor(t, s, "a", 1<<20+10+i))
	}
	holds(t, s, b, true, true, true)
	// Of objects of one size and one use the oldest goes; of others the largest.
	if n := len(slices.DeleteFunc(slices.Clone(a), func(d digest.Digest) bool { return !s.Has(d) })); n != 3 {
		t.Errorf("%d objects of a are stored, expected 3", n)
	}
	// What b asks for and a has is a's; what is larger than the budget is not stored.
	fillFor(t, s, "b", 1<<20+14)
	big := fillFor(t, s, "a", 4<<20)
	st := s.Stats()
	if s.Has(big) || st.Accounts["a"].Bytes > o.Budgets["a"] || st.Accounts["b"].Objects != 3 {
		t.Errorf("%+v", st)
	}
	if n := st.Evicted[OverAccount]; n.Objects != 2 {
		t.Errorf("%+v evicted", st.Evicted)
	}
	// A partial of the account counts, and makes room for its whole objects.
	src := newFake(t, 2<<20)
	w := src.vouched()
	w.Account = "a"
	cutAt(t, s, src, w, 1<<20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	if n := s.space.paid["a"]; n != 2<<20 {
		t.Errorf("the partial takes %d bytes of the account", n)
	}
	d := fillFor(t, s, "a", 1<<20+30)
	if n := s.space.paid["a"]; n != 0 || !s.Has(d) {
		t.Errorf("%d bytes are reserved", n)
	}
	holds(t, s, b, true, true, true)
}

// TestSmallerBudget: budgets that are smaller at the next start hold soon after it.
func TestSmallerBudget(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		fillFor(t, s, []string{"a", "b"}[i%2], 1<<20+i)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o.MaxSize, o.Budgets = 5<<20+100, map[string]int64{"b": 1<<20 + 100}
	s = open(t, o)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.Stats().Bytes < 5<<20+100 && s.Stats().Accounts["b"].Bytes < 1<<20+100 {
			return
		}
	}
	t.Errorf("%+v", s.Stats())
}

// TestMinFreeAlways: where others fill the disk objects go, although nothing is
// being stored.
func TestMinFreeAlways(t *testing.T) {
	s := open(t, Options{})
	for i := range 3 {
		fill(t, s, 1<<20+i)
	}
	disk, err := diskOf(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.space.minFree = disk.Free + 1<<30 // out of reach: all goes
	if err := s.space.settle(); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Objects != 0 || st.Evicted[LowDisk].Objects != 3 {
		t.Errorf("%+v", st)
	}
}

// TestRoomAhead: under a large limit room is made before it is asked for, so that who
// fetches finds it.
func TestRoomAhead(t *testing.T) {
	const limit = 64 * 64 << 10
	s := open(t, Options{MaxSize: limit, aheadFrom: 1})
	for i := range 70 {
		fill(t, s, 64<<10-i)
	}
	room := func() int64 { return limit - s.Stats().Bytes }
	for end := time.Now().Add(10 * time.Second); room() < limit/64 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if r := room(); r < limit/64 || r > 2*limit/64 {
		t.Errorf("%d bytes are free, expected a 64th of %d", r, limit)
	}
}
