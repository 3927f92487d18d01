package follow

import (
	"context"
	"errors"
	"fmt"
)

// ErrNotListed reports a repomd.xml that has none of the digests of its metalink: the
// mirror is half-synchronised, or worse.
var ErrNotListed = errors.New("its repomd.xml is none that the metalink knows")

const repomd = "repodata/repomd.xml"

// Vet reports a file that its list says not to take. Where the list is not of just
// now it is asked for again first: the mirror may be ahead of it.
func (f *Follower) Vet(ctx context.Context, path string, text []byte) error {
	s := f.covering(path)
	if s == nil || path != s.repomd() || f.vouches(s, text) {
		return nil
	}
	done, _ := f.begin(s, doubtAfter)
	if done != nil {
		select {
		case <-done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if !f.vouches(s, text) {
		return fmt.Errorf("%s: %s: %w", f.Name, path, ErrNotListed)
	}
	return nil
}

func (s *state) repomd() string {
	if s.at == "" {
		return repomd
	}
	return s.at + "/" + repomd
}

func (f *Follower) vouches(s *state, text []byte) bool {
	f.mu.Lock()
	listing := s.listing
	f.mu.Unlock()
	return listing.Vouches(text)
}
