package mirror

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// scrubbed waits until a whole pass has ended that began after t.
func (h *house) scrubbed(after time.Time) ScrubState {
	h.t.Helper()
	for range 1000 {
		if st := h.m.Scrubbed(); st.Ended != nil && st.Ended.After(after) {
			return *st
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.t.Fatalf("no pass ends: %+v", h.m.Scrubbed())
	return ScrubState{}
}

// restart has the next start scrub, at full speed.
func (h *house) restartScrubbing() {
	h.m.Close()
	h.store.Close()
	h.scrub = 1 << 30
	h.start()
}

// TestScrub: rot is found and fetched again, whoever names it.
func TestScrub(t *testing.T) {
	h, a := stocked(t)
	p, data := a.deb("zoo", "1")
	q, other := a.deb("help", "1")
	for _, rotten := range []string{data, other, "a/one.iso", a.files[packagesGz]} {
		h.rot(rotten)
	}
	h.ups[0].Remove("/" + q) // it cannot be had again
	begin := h.now()
	h.restartScrubbing()
	st := h.scrubbed(begin.Add(-time.Second))
	if st.Objects < 8 || st.Rotten != 4 || st.Healed != 3 || st.Bytes == 0 || st.Part != 1 {
		t.Errorf("%+v, expected 4 of 8 rotten and 3 healed", st)
	}
	if h.store.Has(digest.Of([]byte(other))) {
		t.Error("rotten bytes are still stored")
	}
	h.asked()
	h.wants(new(Client), p, data)
	h.wants(new(Client), packagesGz, a.files[packagesGz])
	h.wantsFile("a/one.iso", "a/one.iso")
	if got := h.asked(); len(got) != 0 {
		t.Errorf("upstream was asked for %q, expected all healed before", got)
	}
}

// TestScrubGoesOn: a pass goes on where the last process left it, and the next begins
// a week later.
func TestScrubGoesOn(t *testing.T) {
	h, _ := stocked(t)
	h.restartScrubbing()
	first := h.scrubbed(time.Time{})
	h.restartScrubbing()
	if again := h.scrubbed(time.Time{}); again.Objects != 0 || !again.Ended.Equal(*first.Ended) {
		t.Errorf("%+v after %+v, expected that it rests", again, first)
	}
	h.advance(8 * 24 * time.Hour)
	h.restartScrubbing()
	if later := h.scrubbed(*first.Ended); later.Objects != first.Objects {
		t.Errorf("%+v, expected the %d objects again", later, first.Objects)
	}
	list, err := h.store.ObjectsAfter("", 100)
	if err != nil || len(list) < 8 {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	s := newScrubber(h.m, 1<<30)
	if err := s.note(mark{Pass: h.now(), After: list[5], Ended: h.now()}); err != nil {
		t.Fatal(err)
	}
	if err := s.step(t.Context()); err != nil || s.state.Objects != int64(len(list)-6) {
		t.Errorf("%d objects were read, %v, expected the %d left of the pass", s.state.Objects, err, len(list)-6)
	}
}

// TestScrubIsSlow: no more is read than the rate allows.
func TestScrubIsSlow(t *testing.T) {
	h, _ := stocked(t)
	s := newScrubber(h.m, 1) // a byte a second, after the first MiB
	s.limiter.AllowN(time.Now(), scrubBurst)
	done := make(chan error)
	go func() { done <- s.step(h.m.ctx) }()
	select {
	case err := <-done:
		t.Errorf("a page was read at once: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	h.m.stop()
	if err := <-done; err == nil {
		t.Error("it does not end with the mirror")
	}
}

// TestScrubUnreadable: a file that cannot be opened does not hold up the others.
func TestScrubUnreadable(t *testing.T) {
	h, _ := stocked(t)
	list, err := h.store.ObjectsAfter("", 100)
	if err != nil || len(list) < 8 {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	sum := list[0].Hex()
	file := filepath.Join(h.dir, "blobs", "sha256", sum[:2], sum)
	if err := errors.Join(os.Remove(file), os.Symlink(sum, file)); err != nil { // it leads to itself
		t.Fatal(err)
	}
	s := newScrubber(h.m, 1<<30)
	if err := s.step(t.Context()); err != nil || s.state.Objects != int64(len(list)-1) || s.state.Ended == nil {
		t.Errorf("%+v, %v, expected all but one of %d objects read", s.state, err, len(list))
	}
}
