package upstream_test

import (
	"errors"
	"slices"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

// TestCrumbsOfOneMirror: a mirror that stalls after every crumb is left for another,
// since each crumb costs an idle time-out.
func TestCrumbsOfOneMirror(t *testing.T) {
	b := setUp(t, 2, hasty)
	b.u[0].Fail(path, faulty.Stall(1000).Always())
	b.mustGet(t, whole())
	asked(t, b.u[0], "GET "+path+" -> 200", from(1000), from(2000), from(3000))
	asked(t, b.u[1], from(4000))
}

// TestSizeThatIsNotTrue: a mirror that announced more than there is, where nobody
// else knows the size, is asked last from then on.
func TestSizeThatIsNotTrue(t *testing.T) {
	b := setUp(t, 2)
	b.u[0].Fail(path, faulty.Length(5).Always())
	r := upstream.Request{Path: file, Size: -1, Pinned: true}
	if _, _, err := b.get(t, r); !errors.Is(err, upstream.ErrChanged) {
		t.Errorf("%v, expected %v", err, upstream.ErrChanged)
	}
	if got := b.Mirrors(); !slices.Equal(got, []string{b.u[1].URL, b.u[0].URL}) {
		t.Errorf("the order is %v", got)
	}
	b.mustGet(t, r)
}
