package worth

import (
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	for _, tc := range []struct {
		what        string
		less, more  float64
		lessOrEqual bool
	}{
		{"a use more", Of(1, 1<<20), Of(2, 1<<20), false},
		{"a small object for a large one", Of(1, 100<<20), Of(1, 100<<10), false},
		{"many uses for a small size", Of(1, 300<<10), Of(UsesMost, 1<<20), false},
		{"more uses than count", Of(UsesMost+1, 1<<20), Of(UsesMost, 1<<20), true},
	} {
		if tc.less >= tc.more && !tc.lessOrEqual || tc.less > tc.more {
			t.Errorf("%s: %g, expected less than %g", tc.what, tc.less, tc.more)
		}
	}
	// What the order of eviction needs: it sorts floats above zero.
	for _, size := range []int64{0, 1, 1 << 40} {
		if w := Of(1, size); !(w > 0) || w > 10_000 {
			t.Errorf("an object of %d bytes is worth %g", size, w)
		}
	}
}

func TestAgain(t *testing.T) {
	grain := Grain.Milliseconds()
	for after, want := range map[int64]bool{0: false, grain - 1: false, grain: true, -grain: true, 1 - grain: false} {
		if got := Again(1e12, 1e12+after); got != want {
			t.Errorf("after %v: %v", time.Duration(after)*time.Millisecond, got)
		}
	}
}

func TestOnceFirst(t *testing.T) {
	for _, tc := range []struct {
		once, again int64
		want        bool
	}{{0, 0, false}, {1, 0, true}, {0, 1, false}, {10, 90, false}, {11, 89, true}} {
		if got := OnceFirst(tc.once, tc.again); got != tc.want {
			t.Errorf("%d once, %d again: %v", tc.once, tc.again, got)
		}
	}
}
