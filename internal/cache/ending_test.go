package cache

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// failing is a Source that does not answer.
type failing struct{}

func (failing) Open(context.Context, int64, Meta) (*Incoming, error) { return nil, errors.New("down") }
func (failing) Reject(err error) error                               { return err }

// TestEndings: every flight is counted once, by what became of it.
func TestEndings(t *testing.T) {
	left := func(s *Store, w Want) { // a client that reads a little and leaves
		c := get(t, s, w)
		io.ReadFull(c, make([]byte, 1000))
		c.Close()
	}
	read := func(s *Store, w Want) {
		c, err := s.Get(t.Context(), w)
		if err != nil {
			return
		}
		io.Copy(io.Discard, c)
		c.Close()
	}
	for _, tc := range []struct {
		want Ending
		o    Options
		ask  func(*Store, *fakeSource)
	}{
		{EndStored, Options{}, func(s *Store, src *fakeSource) { read(s, src.vouched()) }},
		{EndStored, Options{}, func(s *Store, src *fakeSource) { left(s, src.vouched()) }},
		{EndParked, Options{Park: true}, func(s *Store, src *fakeSource) { left(s, src.vouched()) }},
		{EndUnstored, Options{MaxSize: 1000}, func(s *Store, src *fakeSource) { read(s, src.vouched()) }},
		{EndUnstored, Options{}, func(s *Store, src *fakeSource) {
			// A file where the object's directory should be: what is there cannot be kept.
			dir := filepath.Dir(s.blobPath(digest.Of(src.data)))
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			read(s, src.vouched())
			settled(t, s)
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		}},
		{EndPassed, Options{}, func(s *Store, src *fakeSource) {
			w := src.want("t")
			w.Transient = true
			read(s, w)
		}},
		{EndWrong, Options{}, func(s *Store, src *fakeSource) {
			src.corrupt, src.times = 5, 100
			read(s, src.vouched())
		}},
		{EndFailed, Options{}, func(s *Store, src *fakeSource) {
			w := src.want("f")
			w.Source = failing{}
			read(s, w)
		}},
		{EndUnneeded, Options{}, func(s *Store, src *fakeSource) {
			w := src.want("u")
			if err := s.Name("u", Entry{Digest: fill(t, s, 100)}); err != nil {
				t.Fatal(err)
			}
			settled(t, s)
			s.ended = make(map[Ending]int64) // of what filled it
			s.begun = 0
			w.Seen, _ = s.Entry("u")
			w.Source = unchanged{}
			read(s, w)
		}},
	} {
		s := open(t, tc.o)
		src := newFake(t, 8<<20)
		src.rate = time.Millisecond
		tc.ask(s, src)
		settled(t, s)
		st := s.Stats()
		if want := map[Ending]int64{tc.want: 1}; !maps.Equal(st.Ended, want) || st.Begun != 1 || st.Joined != 0 {
			t.Errorf("%v ended, %d begun, %d joined; expected one %s", st.Ended, st.Begun, st.Joined, tc.want)
		}
	}
}

// TestJoinsAreCounted: of many at once one begins the flight.
func TestJoinsAreCounted(t *testing.T) {
	s := open(t, Options{})
	src := newFake(t, 1<<20)
	src.gate = make(chan struct{})
	for range 5 {
		defer get(t, s, src.vouched()).Close()
	}
	close(src.gate)
	settled(t, s)
	if st := s.Stats(); st.Begun != 1 || st.Joined != 4 {
		t.Errorf("%d begun, %d joined; expected 1 and 4", st.Begun, st.Joined)
	}
}

// TestDisk: the file system is known.
func TestDisk(t *testing.T) {
	if d := open(t, Options{}).Stats().Disk; d.Size <= 0 || d.Free <= 0 || d.Free > d.Size {
		t.Errorf("%+v", d)
	}
}
