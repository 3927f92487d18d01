package cache

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestParts: each byte comes once, in order, from all origins, and a reader at the
// front is served meanwhile.
func TestParts(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 34<<20+1234, "a", "b", "c")
	src.rate = 5 * time.Millisecond // 13 MB/s
	readAll(t, get(t, s, src.want()), src.data)
	settled(t, s)
	parts := src.asked()
	by := map[string]int{}
	for _, p := range parts {
		by[p.from]++
	}
	if len(parts) != 9 || by["a"] == 0 || by["b"] == 0 || by["c"] == 0 {
		t.Errorf("%v", parts)
	}
	if !slices.IsSortedFunc(parts[3:], func(a, b sent) int { return int(a.off - b.off) }) {
		t.Errorf("not in order: %v", parts)
	}
	if n := src.bytesSent(); n != int64(len(src.data)) {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
	if len(src.requests()) != 0 || src.rejected != 0 {
		t.Error("asked for the whole too, or rejected")
	}
}

// TestPartsGrow: who brings them quickly is asked for more at a time, up to its share
// of what is left.
func TestPartsGrow(t *testing.T) {
	noon := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	s := open(t, Options{Now: func() time.Time { return noon }}) // each part comes in no time
	src := newParts(t, 160<<20, "a", "b")
	readAll(t, get(t, s, src.want()), src.data)
	settled(t, s)
	parts := src.asked()
	largest := int64(0)
	for _, p := range parts {
		largest = max(largest, p.end-p.off)
	}
	if len(parts) > 20 || largest < 4*partSize { // 40 of 4 MiB
		t.Errorf("%v", parts)
	}
	if last := parts[len(parts)-1]; last.end-last.off > 2*partSize {
		t.Errorf("the last leaves the other nothing: %v", parts)
	}
}

// TestPartsOfOne: one origin, or no digest, is fetched as ever.
func TestPartsOfOne(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a")
	readAll(t, get(t, s, src.want()), src.data)
	free := newParts(t, 20<<20+1, "a", "b")
	w := free.fakeSource.want("name")
	w.Source = free
	readAll(t, get(t, s, w), free.data)
	if len(src.asked())+len(free.asked()) != 0 {
		t.Errorf("%v %v", src.asked(), free.asked())
	}
}

func TestPartsWithoutRanges(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a", "b")
	src.whole = true
	readAll(t, get(t, s, src.want()), src.data)
	if n := src.bytesSent(); n != int64(len(src.data)) || len(src.requests()) != 1 {
		t.Errorf("%d bytes were sent over %v", n, src.requests())
	}
}

// TestPartsMiddleReader: who reads far ahead of all lanes does not wait for them.
func TestPartsMiddleReader(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 64<<20, "a", "b")
	src.rate = 5 * time.Millisecond // 13 MB/s a lane
	first := get(t, s, src.want())
	c := get(t, s, src.want())
	start := time.Now()
	c.Seek(50<<20, io.SeekStart)
	buf := make([]byte, 1000)
	if _, err := io.ReadFull(c, buf); err != nil || !bytes.Equal(buf, src.data[50<<20:][:1000]) {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
	c.Close()
	readAll(t, first, src.data)
	settled(t, s)
	if n := src.bytesSent(); n > int64(len(src.data))+4*pourBuffer {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
}

// TestPartsFail: a lane that fails, and the lead that does, cost nobody anything
// as long as somebody brings what they did not.
func TestPartsFail(t *testing.T) {
	for name, broken := range map[string]map[string]int{
		"a lane": {"b": 100}, "the lead": {"a": 1}, "all but one": {"a": 1, "b": 100}, "each once": {"a": 1, "b": 1, "c": 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			src := newParts(t, 40<<20, "a", "b", "c")
			src.rate, src.broken = time.Millisecond, broken
			c := get(t, s, src.want())
			defer c.Close()
			got, err := io.ReadAll(c)
			if name == "each once" && errors.Is(err, errCut) {
				return // the last one left was the lead: there is nobody to go on
			}
			if err != nil || !bytes.Equal(got, src.data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if n := src.bytesSent(); n != int64(len(src.data)) {
				t.Errorf("%d bytes of %d were sent", n, len(src.data))
			}
		})
	}
}

// TestTheLastLaneFails: all the rest is there and nobody else under way.
func TestTheLastLaneFails(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 2*partSize, "a", "b")
	src.lag, src.broken = "b", map[string]int{"b": 1}
	src.rate = 100 * time.Microsecond
	src.cutAt = partSize - 64<<10
	readAll(t, get(t, s, src.want()), src.data)
	if parts := src.asked(); len(parts) != 3 || parts[2].off != 2*partSize-64<<10 {
		t.Errorf("%v", parts)
	}
}

// TestPartsResume: what an earlier flight left is not fetched again.
func TestPartsResume(t *testing.T) {
	dir := t.TempDir()
	src := newParts(t, 40<<20, "a", "b")
	src.rate = 2 * time.Millisecond
	s, err := Open(Options{Dir: dir, Park: true})
	if err != nil {
		t.Fatal(err)
	}
	c := get(t, s, src.want())
	io.CopyN(io.Discard, c, 10<<20)
	c.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	readAll(t, get(t, s, src.want()), src.data)
	if n := src.bytesSent(); n > int64(len(src.data))+8*pourBuffer {
		t.Errorf("%d bytes of %d were sent", n, len(src.data))
	}
}

// TestTheLiarIsFound: one origin gives a wrong byte. It is named, it alone; who
// has not had that byte gets the object, and who has is broken off and gets it
// the next time without another request.
func TestTheLiarIsFound(t *testing.T) {
	for _, liar := range []string{"a", "b", "c"} {
		t.Run(liar, func(t *testing.T) {
			s := open(t, Options{})
			src := newParts(t, 26<<20, "a", "b", "c")
			src.rate, src.liar = time.Millisecond, liar
			// Wherever it is asked: b's and c's first parts are the second and third.
			src.lie = map[string]int64{"a": 100, "b": partSize + 100, "c": 2*partSize + 100}[liar]
			w := src.want()
			hasty := get(t, s, w)
			late := get(t, s, w)
			late.Seek(25<<20, io.SeekStart)
			var wg sync.WaitGroup
			slow := get(t, s, w)
			slow.Seek(src.lie-src.lie%partSize, io.SeekStart)
			src.trial = func() { // it reads on while it is open what is right
				wg.Go(func() {
					defer slow.Close()
					if got, err := io.ReadAll(slow); err != nil || !bytes.Equal(got, src.data[src.lie-src.lie%partSize:]) {
						t.Errorf("who read in the trial: %d bytes, %v", len(got), err)
					}
				})
				time.Sleep(100 * time.Millisecond)
			}
			wg.Go(func() {
				defer late.Close()
				if got, err := io.ReadAll(late); err != nil || !bytes.Equal(got, src.data[25<<20:]) {
					t.Errorf("who did not have the byte: %d bytes, %v", len(got), err)
				}
			})
			got, err := io.ReadAll(hasty)
			hasty.Close()
			readAll(t, get(t, s, w), src.data) // as a client does whose connection broke
			wg.Wait()
			from := ""
			for _, p := range src.asked() {
				if p.off <= src.lie && src.lie < p.end && from == "" {
					from = p.from
				}
			}
			if from != liar {
				if err != nil || !bytes.Equal(got, src.data) {
					t.Errorf("the liar was not asked for its lie: %d bytes, %v", len(got), err)
				}
				return
			}
			if !errors.Is(err, ErrMismatch) || len(got) == len(src.data) {
				t.Errorf("who had the byte: %d bytes, %v", len(got), err)
			}
			if !slices.Equal(src.guilty, []string{liar}) || src.rejected != 0 {
				t.Errorf("found %v, rejected %d times", src.guilty, src.rejected)
			}
			n := len(src.asked())
			again := get(t, s, w)
			if again.How != Hit {
				t.Errorf("%v", again.How)
			}
			readAll(t, again, src.data)
			if len(src.asked()) != n {
				t.Error("fetched again")
			}
			if sent := src.bytesSent(); sent > 2*int64(len(src.data)) {
				t.Errorf("%d bytes of %d were sent", sent, len(src.data))
			}
		})
	}
}

// TestTheLiarUnseen: nobody has had a byte yet: the object comes as if nothing
// had been.
func TestTheLiarUnseen(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 26<<20, "a", "b")
	src.liar, src.lie = "b", partSize+5
	src.rate = time.Millisecond
	w := src.want()
	w.Early = false
	readAll(t, get(t, s, w), src.data)
	if !slices.Equal(src.guilty, []string{"b"}) {
		t.Errorf("found %v", src.guilty)
	}
}

// TestAllLie: nobody alone explains the wrong bytes; then all are rejected.
func TestAllLie(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 20<<20, "a", "b")
	w := src.want()
	w.Digest = "sha256:" + w.Digest[len("sha256:")+1:] + "0"
	c, err := s.Get(t.Context(), w)
	if err == nil {
		_, err = io.ReadAll(c)
		c.Close()
	}
	settled(t, s)
	if !errors.Is(err, ErrMismatch) || src.rejected == 0 || len(src.guilty) != 0 {
		t.Errorf("%v, found %v, rejected %d times", err, src.guilty, src.rejected)
	}
}

// TestWhatWasThereIsSuspectedToo: wrong bytes that an earlier flight left are not laid
// at the door of who gave the rest.
func TestWhatWasThereIsSuspectedToo(t *testing.T) {
	s := open(t, Options{Park: true})
	bad := newParts(t, 6<<20, "a")
	bad.rate, bad.corrupt, bad.times = time.Millisecond, 100, 1
	c := get(t, s, bad.want())
	io.CopyN(io.Discard, c, 1<<20)
	c.Close()
	settled(t, s)
	good := newParts(t, 6<<20, "b")
	good.named = "b"
	c = get(t, s, good.want())
	c.Seek(3<<20, io.SeekStart) // where what was there is over
	got, err := io.ReadAll(c)
	c.Close()
	if err != nil || !bytes.Equal(got, good.data[3<<20:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if good.rejected != 0 || slices.Contains(good.guilty, "b") {
		t.Errorf("found %v, rejected %d times", good.guilty, good.rejected)
	}
	readAll(t, get(t, s, good.want()), good.data)
}

// TestATrialThatCannotEnd: where nobody is there to give the bytes again, nobody is
// found guilty.
func TestATrialThatCannotEnd(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 26<<20, "a", "b")
	src.liar, src.lie = "b", partSize+5
	src.rate = time.Millisecond
	src.trial = func() { src.broken["a"], src.broken["b"], src.cutAt = 100, 100, 0 }
	c := get(t, s, src.want())
	_, err := io.Copy(io.Discard, c)
	c.Close()
	settled(t, s)
	if err == nil || src.rejected != 0 || !slices.Equal(src.guilty, []string{""}) {
		t.Errorf("%v, found %v, rejected %d times", err, src.guilty, src.rejected)
	}
}

// TestReadersAddNoLanes: who reads far ahead has a part fetched, and not one more
// fetcher for the rest of the object.
func TestReadersAddNoLanes(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 80<<20, "a", "b")
	src.rate = 2 * time.Millisecond
	first := get(t, s, src.want())
	for _, at := range []int64{30 << 20, 45 << 20, 60 << 20} {
		c := get(t, s, src.want())
		c.Seek(at, io.SeekStart)
		if _, err := io.CopyN(io.Discard, c, 1000); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	readAll(t, first, src.data)
	settled(t, s)
	parts := src.asked()
	for _, p := range parts[len(parts)-4:] {
		if p.busy > 2 {
			t.Errorf("%d at once at %d", p.busy, p.off)
		}
	}
}

// TestPartsEndInMid: a source that serves ranges no more gives the whole, and what was
// under way then may fail.
func TestPartsEndInMid(t *testing.T) {
	s := open(t, Options{})
	src := newParts(t, 26<<20, "a", "b")
	src.rate, src.parted = time.Millisecond, 3
	src.lag, src.broken, src.cutAt = "b", map[string]int{"b": 10}, 3<<20
	readAll(t, get(t, s, src.want()), src.data)
	settled(t, s)
	if n := len(src.requests()); n != 1 {
		t.Errorf("asked for the whole %d times", n)
	}
}
