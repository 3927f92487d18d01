package server

import (
	"errors"
	"fmt"
	"testing"

	"mirrord/internal/cache"
)

// TestOneLine: an error of several causes is told in one line, each cause once.
func TestOneLine(t *testing.T) {
	wrong := fmt.Errorf("deb: %w", cache.ErrMismatch)
	for want, err := range map[string]error{
		wrong.Error():                     errors.Join(wrong, wrong),
		wrong.Error() + "; deb: it broke": errors.Join(wrong, errors.New("deb: it broke")),
	} {
		if status, text := verdict(err); status != 502 || text != want {
			t.Errorf("%d %q, expected 502 %q", status, text, want)
		}
	}
}
