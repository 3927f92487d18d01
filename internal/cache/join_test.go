package cache

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// TestMetaIsOfTheName: equal bytes under two names keep each its validators.
func TestMetaIsOfTheName(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	readAll(t, get(t, s, src.want("a")), src.data)
	settled(t, s)
	src.meta = Meta{ETag: `"b"`, LastModified: "Mon, 02 Jan 2023 15:04:05 GMT"}
	w := src.want("b")
	w.Early = false // when it is through
	c := get(t, s, w)
	if c.Meta != src.meta {
		t.Errorf("b has %+v, expected %+v", c.Meta, src.meta)
	}
	readAll(t, c, src.data)
}

// TestPatienceIsNotForWhatIsThere: a flight that has answered is joined, however
// long ago it began.
func TestPatienceIsNotForWhatIsThere(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.gate = make(chan struct{})
	first := get(t, s, src.want("a"))
	defer first.Close()
	defer close(src.gate)
	w := src.want("a")
	w.Patience = time.Nanosecond
	for range 50 {
		c, err := s.Get(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}

// TestJoinBetweenTwoTries: who comes while a flight is about to start over waits
// for how that ends.
func TestJoinBetweenTwoTries(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1000)
	w := src.vouched()
	f := newFlight(s, w.key(), w)
	f.head()
	f.fail(fmt.Errorf("%w: once", ErrMismatch))
	got := make(chan error)
	go func() { got <- f.await(t.Context(), w) }()
	select {
	case err := <-got:
		t.Fatalf("told %v before the end", err)
	case <-time.After(20 * time.Millisecond):
	}
	f.mu.Lock()
	f.err = nil
	f.broadcast()
	f.mu.Unlock()
	if err := <-got; err != nil {
		t.Errorf("%v, expected none", err)
	}
	f.cancel(nil)
}

// TestOneObjectManyNames: an upstream that answers every path alike cannot make
// the records grow without end.
func TestOneObjectManyNames(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 100)
	readAll(t, get(t, s, src.want("0")), src.data)
	settled(t, s)
	d := digest.Of(src.data)
	err := s.db.Update(func(tx *bolt.Tx) (err error) {
		for i := range namesMax + 10 {
			name := fmt.Sprint(i)
			_, perr := putObject(tx, d, record{Size: 100}, name)
			err = errors.Join(err, perr, moveEntry(tx, name, Entry{Digest: d}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.names.drop("0")
	s.hot.remove(d)
	if o, err := s.lookup(d); err != nil || len(o.Names) != namesMax || slices.Contains(o.Names, "0") {
		t.Errorf("%+v, %v; expected %d names without the oldest", o, err, namesMax)
	}
	if _, ok := s.Entry("0"); ok {
		t.Error("the oldest entry is still there")
	}
	if _, ok := s.Entry(fmt.Sprint(namesMax + 9)); !ok {
		t.Error("the youngest entry is gone")
	}
}
