package cache

import (
	"crypto/sha512"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/digest"
)

// TestMisled: it is remembered for a week that clients have wrong bytes of an object,
// by whichever digest it is asked for; and only where they do.
func TestMisled(t *testing.T) {
	var later atomic.Int64
	s := open(t, Options{Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) }})
	src := newMirrors(t, 8*mib, "a", "b")
	sum := sha512.Sum512(src.data)
	src.digest = digest.FromSum(digest.SHA512, sum[:])
	slow := onlyOneGave(t, s, src)
	if slow.Misled() != true {
		t.Error("forgotten in the flight itself")
	}
	slow.Close()
	settled(t, s)
	for _, d := range []digest.Digest{src.digest, digest.Of(src.data)} {
		for after, want := range map[time.Duration]bool{0: true, misledFor + time.Minute: false} {
			later.Store(int64(after))
			c, err := s.Object(d)
			if err != nil {
				t.Fatal(err)
			}
			if c.Misled() != want {
				t.Errorf("%s after %v: %v", d, after, !want)
			}
			c.Close()
		}
	}
	unseen := newMirrors(t, mib, "a", "b")
	unseen.set(0, func(m *fakeMirror) { m.data = flipped(unseen.data, 100) })
	c, err := s.Get(t.Context(), unseen.want()) // a is asked again and again
	if err == nil {
		c.Close()
	}
	settled(t, s)
	unseen.set(0, func(m *fakeMirror) { m.data = unseen.data })
	again := get(t, s, unseen.want())
	if again.Misled() {
		t.Error("nobody was given anything wrong")
	}
	readAll(t, again, unseen.data)
	if (&Content{}).Misled() {
		t.Error("of no store")
	}
}

// TestMisledUnstored: also where the store has no room.
func TestMisledUnstored(t *testing.T) {
	s := open(t, Options{MaxSize: 1})
	src := newMirrors(t, 8*mib, "a")
	src.set(0, func(m *fakeMirror) { m.data = flipped(src.data, 6*mib) })
	c := get(t, s, src.want())
	buf := make([]byte, 1<<20)
	var err error
	for err == nil {
		_, err = c.Read(buf)
	}
	if !c.Misled() {
		t.Errorf("forgotten: %v", err)
	}
	c.Close()
}
