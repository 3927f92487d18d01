package mirror

import (
	"context"
	"time"

	"mirrord/internal/cache"
)

// CollectIdle is how long what no generation names is left after its last use: a
// client may be as late.
const CollectIdle = time.Hour

// Collect drops what no kept generation names, no entry leads to and nobody pins.
// c.Named is added to. Of a repository that is configured no more nothing is named.
func (m *Mirror) Collect(ctx context.Context, c cache.Collection) (cache.Evicted, error) {
	for _, r := range m.repos {
		s, _, err := r.standing()
		if err != nil {
			return cache.Evicted{}, err
		}
		c.Named = append(c.Named, s.names(func(string, bool) bool { return true })...)
	}
	return m.store.Collect(ctx, c)
}
