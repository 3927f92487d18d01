package cache

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// fill stores an object and tells its digest.
func fill(t *testing.T, s *Store, size int) digest.Digest {
	t.Helper()
	src := newFake(t, size)
	readAll(t, get(t, s, src.vouched()), src.data)
	settled(t, s)
	return digest.Of(src.data)
}

// holds fails the test where what is stored of ds is not as want says.
func holds(t *testing.T, s *Store, ds []digest.Digest, want ...bool) {
	t.Helper()
	for i, d := range ds {
		if got := s.Has(d); got != want[i] {
			t.Errorf("object %d: stored is %v, expected %v", i, got, want[i])
		}
	}
}

// TestPinsNeverGo: what anybody pins stays, whoever else lets it go, before and
// after a restart; what nobody pins any more goes in its turn.
func TestPinsNeverGo(t *testing.T) {
	o := Options{Dir: t.TempDir(), MaxSize: 5 << 20}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	var ds []digest.Digest
	for i := range 4 {
		ds = append(ds, fill(t, s, 1<<20+i))
	}
	if err := errors.Join(s.Pin("a", ds[0], ds[1]), s.Pin("a", ds[0]), s.Pin("b", ds[0]), s.Unpin("a", ds[0]), s.Unpin("c", ds[1])); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, o)
	for i := range 3 {
		fill(t, s, 1<<20+10+i)
	}
	holds(t, s, ds, true, true, false, false)
	if owners, err := s.PinOwners(ds[0]); err != nil || !slices.Equal(owners, []string{"b"}) {
		t.Errorf("%q, %v", owners, err)
	}
	if err := errors.Join(s.UnpinAll("b"), s.UnpinAll("nobody")); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 1<<20+20)
	holds(t, s, ds, false, true, false, false)
	all, err := s.Pins()
	if want := []Pins{{"a", 1, 1, 1<<20 + 1}}; err != nil || !slices.Equal(all, want) {
		t.Errorf("%+v, %v; expected %+v", all, err, want)
	}
	if n := s.Stats().Evicted[OverSize]; n.Objects != 4 || n.Bytes < 4<<20 {
		t.Errorf("%+v are counted as evicted", n)
	}
}

// TestPinAhead: an object that is pinned before it is stored stays too, also where
// the pin is by another digest than the object's name.
func TestPinAhead(t *testing.T) {
	s := open(t, Options{MaxSize: 3<<20 + 100})
	a, b := newFake(t, 1<<20), newFake(t, 1<<20+1)
	h := digest.Digest("sha512:x").NewHash()
	h.Write(b.data)
	long := digest.FromSum(digest.SHA512, h.Sum(nil))
	if err := s.Pin("snapshot", digest.Of(a.data), long); err != nil {
		t.Fatal(err)
	}
	w := b.vouched()
	w.Digest = long
	readAll(t, get(t, s, a.vouched()), a.data)
	readAll(t, get(t, s, w), b.data)
	settled(t, s)
	ds := []digest.Digest{digest.Of(a.data), digest.Of(b.data), fill(t, s, 1<<20+2), fill(t, s, 1<<20+3)}
	holds(t, s, ds, true, true, false, true)
	var got []digest.Digest
	if err := s.PinnedBy("snapshot", func(d digest.Digest) error { got = append(got, d); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(got, long) || len(got) != 2 {
		t.Errorf("pinned by it: %q", got)
	}
	if err := s.Unpin("snapshot", long); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 1<<20+4)
	holds(t, s, ds, true, false, false, true)
}

// TestPinWhileGoing: a pin that comes when an eviction has chosen the object
// already keeps it.
func TestPinWhileGoing(t *testing.T) {
	s := open(t, Options{})
	d := fill(t, s, 100_000)
	if !s.markEvicting(d) {
		t.Fatal("it is being read")
	}
	if err := s.Pin("a", d); err != nil {
		t.Fatal(err)
	}
	if went, err := s.remove([]digest.Digest{d}, OverSize); err != nil || went != (Evicted{}) {
		t.Fatal(went, err)
	}
	if c, err := s.Object(d); err != nil {
		t.Error(err)
	} else {
		readAll(t, c, newFake(t, 100_000).data)
	}
}

// TestPinsFillTheBudget: where all is pinned clients still get right bytes.
func TestPinsFillTheBudget(t *testing.T) {
	s := open(t, Options{MaxSize: 1<<20 + 100})
	d := fill(t, s, 1<<20)
	if err := s.Pin("a", d); err != nil {
		t.Fatal(err)
	}
	fill(t, s, 1<<19)
	if st := s.Stats(); st.Objects != 1 || !s.Has(d) {
		t.Errorf("%+v", st)
	}
}

func TestManyPins(t *testing.T) {
	s := open(t, Options{})
	ds := make([]digest.Digest, 2*pinBatch+1)
	for i := range ds {
		ds[i] = digest.Of([]byte{byte(i), byte(i >> 8)})
	}
	if err := s.Pin("table", ds...); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.Pins(); len(all) != 1 || all[0].Pinned != len(ds) {
		t.Errorf("%+v", all)
	}
	if err := s.UnpinAll("table"); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.Pins(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestBadPins(t *testing.T) {
	s := open(t, Options{})
	for _, owner := range []string{"", strings.Repeat("x", ownerMost+1)} {
		if err := s.Pin(owner, digest.Of(nil)); !errors.Is(err, ErrOwner) {
			t.Errorf("owner %.10q: %v", owner, err)
		}
	}
	for _, d := range []digest.Digest{"", "sha256:12", "crc:00000000"} {
		if err := s.Pin("a", d); !errors.Is(err, digest.ErrSyntax) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

// TestFsckKnowsPins: a count that does not match the owners' lists is found, and
// made right.
func TestFsckKnowsPins(t *testing.T) {
	s := open(t, Options{})
	a, b := fill(t, s, 1000), fill(t, s, 1001)
	if err := s.Pin("x", a); err != nil {
		t.Fatal(err)
	}
	err := s.db.Update(func(tx *bolt.Tx) error {
		pins := tx.Bucket(bucketPins)
		return errors.Join(pins.Delete(pinnedOf(a)), pins.Put(pinnedOf(b), []byte{0, 0, 0, 0, 0, 0, 0, 1}))
	})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := s.Fsck(t.Context(), true)
	text := strings.Join(rep.Problems, "\n")
	for _, part := range []string{
		string(a) + " is pinned by 0 owners, expected 1", string(b) + " is pinned by 1 owners, expected 0",
		string(a) + " has no place in the order of eviction", `account "" has [0 1 0 1] objects of [0 1001 0 1000] bytes by place`,
	} {
		if err != nil || !strings.Contains(text, part) {
			t.Errorf("%v, no word of %q in:\n%s", err, part, text)
		}
	}
}

// TestCollect: what no entry, no generation and no pin names goes, unless it was
// used of late or is being read.
func TestCollect(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := open(t, Options{Now: func() time.Time { return now }})
	var ds []digest.Digest
	for i := range 6 {
		ds = append(ds, fill(t, s, 1000+i))
	}
	entry := newFake(t, 20_000)
	readAll(t, get(t, s, entry.want("name")), entry.data)
	settled(t, s)
	ds = append(ds, digest.Of(entry.data))
	held := newFake(t, 1<<20)
	ds = append(ds, fill(t, s, 1<<20))
	now = now.Add(2 * time.Hour)
	reading := get(t, s, held.vouched())
	now = now.Add(2 * time.Hour)
	if err := s.Pin("a", ds[0]); err != nil {
		t.Fatal(err)
	}
	s.Touch(ds[1])
	c := Collection{Idle: time.Hour, DryRun: true, Named: []Naming{func(_ Tx, add func(digest.Digest)) error { add(ds[2]); return nil }}}
	for _, c.DryRun = range []bool{true, false} {
		found, err := s.Collect(t.Context(), c)
		if want := (Evicted{3, 1003 + 1004 + 1005}); err != nil || found != want {
			t.Errorf("dry run %v: %+v, %v; expected %+v", c.DryRun, found, err, want)
		}
		holds(t, s, ds, true, true, true, c.DryRun, c.DryRun, c.DryRun, true, true)
	}
	readAll(t, reading, held.data)
	if n := s.Stats().Evicted[Collected]; n.Objects != 3 {
		t.Errorf("%+v are counted", n)
	}
	failed := errors.New("a table cannot be read")
	c.Named = append(c.Named, func(Tx, func(digest.Digest)) error { return failed })
	if _, err := s.Collect(t.Context(), c); !errors.Is(err, failed) {
		t.Errorf("%v, expected the failure", err)
	}
	holds(t, s, ds, true, true, true, false, false, false, true, true)
}

// TestCollectIsBounded: a limit ends it, and so does its context.
func TestCollectIsBounded(t *testing.T) {
	s := open(t, Options{Now: func() time.Time { return time.Unix(1e9, 0) }})
	for i := range 5 {
		fill(t, s, 1000+i)
	}
	if found, err := s.Collect(t.Context(), Collection{Limit: 1500}); err != nil || found.Objects != 2 {
		t.Errorf("%+v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := s.Collect(ctx, Collection{}); !errors.Is(err, context.Canceled) || found.Objects != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if n := s.Stats().Objects; n != 3 {
		t.Errorf("%d objects are left", n)
	}
}
