package cache

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

const mib = 1 << 20

// flipped is data with one byte wrong at each place.
func flipped(data []byte, at ...int64) []byte {
	out := bytes.Clone(data)
	for _, i := range at {
		out[i] ^= 1
	}
	return out
}

// leaves has a flight of src end with its mirror's death in the middle, and what it
// has be a partial.
func leaves(t *testing.T, s *Store, src *fakeMirrors) {
	t.Helper()
	c, err := s.Get(t.Context(), src.want())
	if err == nil {
		_, err = io.ReadAll(c)
		c.Close()
	}
	if !errors.Is(err, errCut) {
		t.Fatalf("%v, expected the cut", err)
	}
	settled(t, s)
	if _, noted := s.part(partialName(src.want().key())); !noted {
		t.Fatal("no partial is left")
	}
}

// TestPartialOfTwoVersions: a file changed at its mirror in mid-download, and the
// download was cut before anyone could tell. Who comes when the mirror is well again
// gets the whole object, and of what was right nothing is fetched again.
func TestPartialOfTwoVersions(t *testing.T) {
	for name, again := range map[string]string{"as it was": "1", "once more": "3"} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			src := newMirrors(t, 8*mib, "a")
			m := src.mirrors[0]
			m.at, m.then = 2*mib, func() error { // while 1 had it
				m.data, m.version = flipped(src.data, 40, 3*mib), "2"
				m.at, m.then = 4*mib, func() error { return errCut }
				return nil
			}
			leaves(t, s, src)
			src.set(0, func(m *fakeMirror) { m.data, m.version = src.data, again })
			readAll(t, get(t, s, src.want()), src.data)
			settled(t, s)
			first := map[string]int64{"1": 2 * mib, "3": 0}[again]
			least := slices.MinFunc(src.requests()[1:], func(a, b asked) int { return int(a.off - b.off) })
			if least.off != first {
				t.Errorf("fetched again from %d, expected %d: %v", least.off, first, src.requests())
			}
			if len(src.guilty) != 0 || src.all != 0 {
				t.Errorf("blamed %v, all %d times", src.guilty, src.all)
			}
		})
	}
}

// TestInheritedFromTheDead: the wrong byte came from a mirror that is gone. It is
// blamed, not the one that brought the rest; who has had the byte is broken off, who
// has not gets the object, and so does everybody from then on.
func TestInheritedFromTheDead(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a", "b")
	src.set(0, func(m *fakeMirror) {
		m.data = flipped(src.data, 100)
		m.at, m.then = 3*mib, func() error { m.down = true; return errCut }
	})
	leaves(t, s, src)
	hold := make(chan struct{})
	src.set(1, func(m *fakeMirror) {
		m.at, m.then = 3*mib, func() error { <-hold; return nil } // till all have joined
	})
	had, hadNot := get(t, s, src.want()), get(t, s, src.want())
	hadNot.Seek(101, io.SeekStart)
	for _, c := range []*Content{had, hadNot} {
		if _, err := io.CopyN(io.Discard, c, mib); err != nil {
			t.Fatal(err)
		}
	}
	close(hold)
	if got, err := io.ReadAll(had); !errors.Is(err, ErrMismatch) {
		t.Errorf("who had the wrong byte: %d bytes more, %v", len(got), err)
	}
	had.Close()
	readAll(t, hadNot, src.data[101+mib:])
	settled(t, s)
	if !slices.Equal(src.guilty, []string{"a"}) || src.all != 0 {
		t.Errorf("blamed %v, all %d times", src.guilty, src.all)
	}
	n := len(src.requests())
	again := get(t, s, src.want())
	if again.How != Hit || len(src.requests()) != n {
		t.Errorf("%v, upstream was asked %v", again.How, src.requests()[n:])
	}
	readAll(t, again, src.data)
}

// TestInheritedFromTheSame: the same with one mirror that gave a wrong byte once.
func TestInheritedFromTheSame(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a")
	src.set(0, func(m *fakeMirror) {
		m.data = flipped(src.data, 100)
		m.at, m.then = 3*mib, func() error { m.data = src.data; return errCut }
	})
	leaves(t, s, src)
	c := get(t, s, src.want())
	c.Seek(5*mib, io.SeekStart)
	readAll(t, c, src.data[5*mib:])
	again := get(t, s, src.want())
	if again.How != Hit {
		t.Error(again.How)
	}
	readAll(t, again, src.data)
	if !slices.Equal(src.guilty, []string{"a"}) || src.all != 0 {
		t.Errorf("blamed %v, all %d times", src.guilty, src.all)
	}
}

// TestLittleIsMissing: readers wait for the verdict, and never see what was wrong:
// not in what an earlier flight left, and not in an object that is small.
func TestLittleIsMissing(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a")
	src.set(0, func(m *fakeMirror) {
		m.data = flipped(src.data, 100)
		m.at, m.then = 7*mib+1, func() error { m.data = src.data; return errCut }
	})
	leaves(t, s, src)
	readAll(t, get(t, s, src.want()), src.data)

	small := newMirrors(t, mib, "a", "b")
	small.set(0, func(m *fakeMirror) {
		m.data = flipped(small.data, 100)
		m.at, m.then = mib, func() error { m.down = true; return nil } // once it has given all
	})
	readAll(t, get(t, s, small.want()), small.data)
}

// TestLittleComesSlowly: but they do not wait long.
func TestLittleComesSlowly(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, mib)
	src.gate = make(chan struct{}, 1000)
	src.gate <- struct{}{}
	c := get(t, s, src.vouched())
	buf := make([]byte, 1000)
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, src.data[:1000]) {
		t.Error(err)
	}
	close(src.gate)
	readAll(t, c, src.data[1000:])
}

// onlyOneGave is a flight all of whose bytes came from a, of which one is wrong, with
// a reader who has not had it and one who has. It ends when the latter is broken off.
func onlyOneGave(t *testing.T, s *Store, src *fakeMirrors) (slow *Content) {
	t.Helper()
	read := make(chan struct{})
	src.set(0, func(m *fakeMirror) {
		m.data = flipped(src.data, 6*mib)
		m.at, m.then = 8*mib-1, func() error { <-read; return nil }
	})
	slow = get(t, s, src.want())
	hasty := get(t, s, src.want())
	defer hasty.Close()
	io.CopyN(io.Discard, slow, mib)
	if _, err := io.CopyN(io.Discard, hasty, 8*mib-1); err != nil {
		t.Fatal(err)
	}
	close(read)
	if got, err := io.ReadAll(hasty); !errors.Is(err, ErrMismatch) {
		t.Errorf("who had the wrong byte: %q, %v", got, err)
	}
	return slow
}

// TestOnlyOneGave: another mirror gives all anew. Who has had everything is broken off
// before; who has had nothing wrong reads along, and gets the object.
func TestOnlyOneGave(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a", "b")
	both := make(chan struct{}) // one is broken off, the other is as far as it may be
	src.set(1, func(m *fakeMirror) {
		m.at, m.then = 4*mib, func() error {
			select {
			case <-both:
			case <-time.After(5 * time.Second):
				t.Error("they wait until all came anew")
			}
			return nil
		}
	})
	slow := onlyOneGave(t, s, src)
	io.CopyN(io.Discard, slow, 2*mib)
	close(both)
	readAll(t, slow, src.data[3*mib:])
	settled(t, s)
	readAll(t, get(t, s, src.want()), src.data)
	if !slices.Equal(src.guilty, []string{"a"}) || src.all != 0 || !slices.Equal(src.requests()[:2], []asked{{0, "a"}, {0, "b"}}) {
		t.Errorf("blamed %v, all %d times, asked %v", src.guilty, src.all, src.requests())
	}
}

// TestNoOtherToAsk: the mirror would give the same again, and is not asked for it.
func TestNoOtherToAsk(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a")
	onlyOneGave(t, s, src).Close()
	settled(t, s)
	if src.all != 1 || len(src.requests()) != 1 {
		t.Errorf("all blamed %d times, asked %v", src.all, src.requests())
	}
}

// TestTheOtherIsLonger: the mirror that lied has the object cut short, and nothing but
// its digest is known. Its readers are broken off, and it is stored from the other.
func TestTheOtherIsLonger(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 8*mib, "a", "b")
	hold := make(chan struct{})
	src.set(0, func(m *fakeMirror) {
		m.data = src.data[:5*mib]
		m.at, m.then = 2*mib, func() error { <-hold; return nil } // till the reader has had some
	})
	w := src.want()
	w.Size = -1
	c := get(t, s, w)
	if _, err := io.CopyN(io.Discard, c, 1); err != nil {
		t.Fatal(err)
	}
	close(hold)
	if got, err := io.ReadAll(c); !errors.Is(err, ErrMismatch) || len(got) >= 5*mib {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	c.Close()
	settled(t, s)
	again := get(t, s, w)
	if again.How != Hit || len(src.requests()) != 2 || !slices.Equal(src.guilty, []string{"a"}) {
		t.Errorf("%v, asked %v, blamed %v", again.How, src.requests(), src.guilty)
	}
	readAll(t, again, src.data)
}

// TestNoRecordOfATrial: what may be wrong is not noted, so that a crash keeps none of
// it.
func TestNoRecordOfATrial(t *testing.T) {
	s := open(t, Options{})
	src := newMirrors(t, 3*mib, "a", "b")
	f := newFlight(s, "k", src.want())
	defer f.cancel(nil)
	f.openPartial()
	defer f.closeFile()
	f.size = 3 * mib
	f.write(&fetcher{}, src.data[:mib], giver{From: "a"})
	noted := func() bool {
		if err := f.checkpoint(); err != nil {
			t.Fatal(err)
		}
		_, ok := s.part(f.name)
		return ok
	}
	if !noted() {
		t.Error("not noted before the trial")
	}
	f.onTrial = true
	if err := f.forget(giver{From: "a"}, true); err != nil {
		t.Fatal(err)
	}
	f.write(&fetcher{}, src.data[:mib], giver{From: "b"})
	if noted() {
		t.Error("noted in the trial")
	}
	f.discardPartial()
}
