package main

import (
	"bytes"
	"testing"
	"time"

	"mirrord/internal/moving"
)

// Where there is no terminal a line comes now and then, and what has to be known at
// once.
func TestMoveShowLines(t *testing.T) {
	var out bytes.Buffer
	s := newMoveShow(&out)
	s.Expect(3, 5000)
	s.Did(1000)
	s.Line("a line")
	s.said.Store(time.Now().Add(-saysEvery).UnixNano())
	s.Did(2500)
	s.Did(1500)
	s.end()
	if want := "a line\n2 of 3 files, 3.5 kB of 5.0 kB\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestSummary(t *testing.T) {
	for want, s := range map[string]moving.Sum{
		"0 taken in, 0 B; 0 there already, 0 wrong, 0 unreadable": {},
		"6 taken in, 1.5 GB (1 linked, 2 cloned, 3 copied); 4 there already, 5 wrong, 6 unreadable, 7 that nobody vouches for; 2 to be confirmed with upstream": {
			Linked: 1, Cloned: 2, Copied: 3, Bytes: 1_500_000_000, There: 4, Wrong: 5, Unreadable: 6, Unlisted: 7, Unconfirmed: 2},
	} {
		if got := summary(s, "taken in"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 2_500_000: "2.5 MB", 7e15: "7000.0 TB"} {
		if got := inUnits(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
