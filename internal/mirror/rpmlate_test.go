package mirror

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestRPMSynchronisedAtLast: that upstream did not have what its repomd.xml names is
// forgotten as soon as the root may be tried again; until then it costs upstream one
// question, however many clients ask.
func TestRPMSynchronisedAtLast(t *testing.T) {
	h := newHouse(t, 1)
	old, young := newRPM(h, "1", monday, true), newRPM(h, "2", tuesday, true)
	old.publish(h.ups[0])
	h.makecache(nil, old, "primary.xml.gz")
	young.publish(h.ups[0], "repomd.xml", "primary.xml.gz")
	h.advance(2 * time.Minute)
	h.asked()
	for range 10 {
		h.rpmWants(nil, repomdPath, old.files[repomdPath])
	}
	if got := h.asked(); strings.Count(strings.Join(got, " "), "filelists") != 1 {
		t.Errorf("upstream was asked for %q", got)
	}
	young.publish(h.ups[0])
	h.advance(retryAfter)
	h.makecache(nil, young, "primary.xml.gz")
}

// TestRPMListedAndLate: the same for who asks for the file itself.
func TestRPMListedAndLate(t *testing.T) {
	h := newHouse(t, 1)
	s := newRPM(h, "1", monday, true)
	s.publish(h.ups[0], "repomd.xml", "primary.xml.gz")
	h.rpmWants(nil, repomdPath, s.files[repomdPath])
	late := s.path("filelists.xml.gz")
	for range 3 {
		if a, err := h.m.Open(t.Context(), Request{Repo: "rpm", Path: late}); !errors.Is(err, ErrIncomplete) {
			t.Fatalf("%v, %v; expected ErrIncomplete", a, err)
		}
	}
	if got := h.asked(); strings.Count(strings.Join(got, " "), late) != 1 {
		t.Errorf("upstream was asked for %q", got)
	}
	s.publish(h.ups[0])
	h.advance(retryAfter)
	h.rpmWants(nil, late, s.files[late])
}
