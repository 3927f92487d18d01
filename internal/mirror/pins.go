package mirror

import (
	"context"
	"errors"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

// Pin keeps what the selected names lead to from eviction, for owner, until Unpin. Only
// what is stored is pinned.
func (m *Mirror) Pin(ctx context.Context, s Selector, owner string) (Count, error) {
	return m.pinning(ctx, s, func(ds []digest.Digest) error { return m.store.Pin(owner, ds...) })
}

// Unpin takes owner's pins back.
func (m *Mirror) Unpin(ctx context.Context, s Selector, owner string) (Count, error) {
	return m.pinning(ctx, s, func(ds []digest.Digest) error { return m.store.Unpin(owner, ds...) })
}

// pinning calls act with the stored objects of the selected names, and counts them.
func (m *Mirror) pinning(ctx context.Context, s Selector, act func([]digest.Digest) error) (done Count, err error) {
	c, err := m.choose(s)
	if err != nil {
		return done, err
	}
	seen := make(map[digest.Digest]bool)
	each := func(ds ...digest.Digest) error {
		var stored []digest.Digest
		for _, d := range ds {
			st, err := m.store.Stat(d)
			if errors.Is(err, cache.ErrNotStored) || seen[st.Digest] {
				continue
			}
			if err != nil {
				return err
			}
			seen[st.Digest] = true
			stored = append(stored, st.Digest)
			done.Matched, done.Bytes = done.Matched+1, done.Bytes+st.Size
		}
		return act(stored)
	}
	if c.digest != "" {
		return done, each(c.digest)
	}
	err = m.each(ctx, c, func(page []name) (bool, error) {
		var ds []digest.Digest
		for _, n := range page {
			ds = append(ds, n.digest)
		}
		return true, each(ds...)
	})
	return done, err
}
