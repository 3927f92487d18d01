package mirror

import (
	"context"
	"fmt"
)

// vet asks what lists of mirrors say of the root that the mirror has; c is nil where
// that is the current one.
func (rt *root) vet(ctx context.Context, mirror string, c *candidate) error {
	if rt.r.Vet == nil {
		return nil
	}
	files := make(map[string][]byte)
	if c != nil {
		files = c.files
	} else if g := rt.head(); g != nil {
		for name, m := range g.Members {
			files[name] = rt.stored(m)
		}
	}
	for name, text := range files {
		if err := rt.r.Vet(ctx, join(rt.dir, name), text); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrIncomplete, mirror, err)
		}
	}
	return nil
}
