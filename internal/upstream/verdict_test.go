package upstream_test

import (
	"errors"
	"strings"
	"testing"

	"mirrord/internal/faulty"
	"mirrord/internal/upstream"
)

func TestFinalErrors(t *testing.T) {
	code := func(want int) func(error) bool {
		return func(err error) bool {
			var s *upstream.StatusError
			return errors.As(err, &s) && s.Code == want && !errors.Is(err, upstream.ErrUnavailable)
		}
	}
	unavailable := func(missing int) func(error) bool {
		return func(err error) bool {
			var u *upstream.UnavailableError
			return errors.Is(err, upstream.ErrUnavailable) && errors.As(err, &u) && u.Missing == missing && u.Cause != nil
		}
	}
	mismatch := func(err error) bool {
		var m *upstream.MismatchError
		return errors.As(err, &m) && m.Want == int64(len(content)) && m.Got == 3
	}
	for name, c := range map[string]struct {
		first, second faulty.Fault
		ok            func(error) bool
		asked         [2]int
	}{
		"all 404":       {faulty.Status(404), faulty.Status(404), code(404), [2]int{1, 1}},
		"all 410":       {faulty.Status(410), faulty.Status(410), code(410), [2]int{1, 1}},
		"404 and 410":   {faulty.Status(404), faulty.Status(410), code(404), [2]int{1, 1}},
		"404 and 403":   {faulty.Status(404), faulty.Status(403), code(403), [2]int{1, 1}},
		"404 and 500":   {faulty.Status(404), faulty.Status(500), unavailable(1), [2]int{1, 3}},
		"500 and 404":   {faulty.Status(500), faulty.Status(404), unavailable(1), [2]int{3, 1}},
		"all 500":       {faulty.Status(500), faulty.Status(500), unavailable(0), [2]int{3, 3}},
		"all too small": {faulty.Swap([]byte("abc")), faulty.Swap([]byte("abc")), mismatch, [2]int{1, 1}},
		"size and 404":  {faulty.Status(404), faulty.Swap([]byte("abc")), mismatch, [2]int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 2)
			b.u[0].Fail(path, c.first.Always())
			b.u[1].Fail(path, c.second.Always())
			_, _, err := b.get(t, whole())
			if !c.ok(err) {
				t.Errorf("%v", err)
			}
			if n := [2]int{len(b.u[0].Requests()), len(b.u[1].Requests())}; n != c.asked {
				t.Errorf("asked %v, want %v", n, c.asked)
			}
			if text := err.Error(); !strings.Contains(text, "debian") || !strings.Contains(text, "http://127.0.0.1:") || strings.ContainsAny(text, "\n\r") {
				t.Error(text)
			}
		})
	}
}
