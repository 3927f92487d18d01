package follow

import (
	"net/url"
	"slices"

	"mirrord/internal/mirrorlist"
)

// keptMost bounds the lists that are remembered: clients choose release and
// architecture. One that nobody asked for within listFor makes room.
const keptMost = 256

// covering is the list of the repository that path lies in, nil where none is or
// where too many are known: then the mirrors of the others must do.
func (f *Follower) covering(path string) *state {
	for _, l := range f.Lists {
		if url, at, ok := l.Covers(path); ok {
			return f.state(l, url, at)
		}
	}
	return nil
}

func (f *Follower) state(l mirrorlist.List, url, at string) *state {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.known[url]; s != nil {
		s.asked = f.Now()
		return s
	}
	if len(f.order) == keptMost && !f.dropOne() {
		return nil
	}
	s := &state{list: l, url: url, at: at, asked: f.Now()}
	f.known[url] = s
	f.order = append(f.order, s)
	return s
}

// dropOne forgets a list that could not be had, else the one that nobody asked for the
// longest; the caller holds mu.
func (f *Follower) dropOne() bool {
	least := -1
	for i, s := range f.order {
		switch {
		case s.asking != nil:
		case s.fetched.IsZero():
			return f.drop(i)
		case f.Now().Sub(s.asked) > listFor && (least < 0 || s.asked.Before(f.order[least].asked)):
			least = i
		}
	}
	return least >= 0 && f.drop(least)
}

// drop forgets a list; the caller holds mu.
func (f *Follower) drop(i int) bool {
	delete(f.known, f.order[i].url)
	f.order = slices.Delete(f.order, i, i+1)
	return true
}

// union is the mirrors of all lists, those that the lists prefer first; the caller
// holds mu.
func (f *Follower) union() (all []*url.URL) {
	for rank := 0; rank < mirrorlist.MirrorsMost; rank++ {
		for _, s := range f.order {
			if rank < len(s.bases) {
				all = append(all, s.bases[rank])
			}
		}
	}
	return all
}
