package cache

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// hold is a flight's part of the budget.
type hold struct {
	reserved int64 // bytes that the object will take
	written  int64 // bytes of them that are on disk already
}

// space keeps the budget: space is reserved before bytes are written, and made
// by eviction where it lacks.
type space struct {
	s       *Store
	max     int64
	minFree int64

	evictor sync.Mutex // held by the one who makes room; taken before mu

	mu     sync.Mutex
	sum    hold            // of flights and partials; guarded by mu
	parked map[string]hold // partials without a flight; guarded by mu
}

func newSpace(s *Store, maxSize, minFree int64) *space {
	return &space{s: s, max: maxSize, minFree: minFree, parked: make(map[string]hold)}
}

// reserve sets n bytes aside, evicting what was used least recently where it
// must. errUnstored tells that there is no room.
func (sp *space) reserve(n int64) error {
	if lack, _, err := sp.take(n); err != nil || lack <= 0 {
		return err
	}
	sp.evictor.Lock()
	defer sp.evictor.Unlock()
	for {
		lack, why, err := sp.take(n)
		if err != nil || lack <= 0 {
			return err
		}
		if sp.max > 0 && n > sp.max {
			return fmt.Errorf("%w: %d bytes are more than the whole budget", errUnstored, n)
		}
		freed, err := sp.s.evict(lack, why)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnstored, err)
		}
		if freed == 0 {
			return fmt.Errorf("%w: %d bytes more are needed and all else is in use", errUnstored, lack)
		}
	}
}

// take reserves n bytes where they fit, else tells how many are lacking, and where.
func (sp *space) take(n int64) (lack int64, why Reason, err error) {
	used := sp.s.stored()
	var fs unix.Statfs_t
	if sp.minFree > 0 {
		if err := unix.Statfs(sp.s.dir, &fs); err != nil {
			return 0, "", fmt.Errorf("%w: %w", errUnstored, err)
		}
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.max > 0 {
		lack, why = used+sp.sum.reserved+n-sp.max, OverSize
	}
	if sp.minFree > 0 {
		free := int64(fs.Bavail)*fs.Bsize - (sp.sum.reserved - sp.sum.written)
		if short := sp.minFree + n - free; sp.max == 0 || short > lack {
			lack, why = short, LowDisk
		}
	}
	if lack <= 0 {
		sp.sum.reserved += n
	}
	return lack, why, nil
}

// wrote notes that n more of the bytes of h are on disk.
func (sp *space) wrote(h *hold, n int64) {
	h.written += n
	sp.mu.Lock()
	sp.sum.written += n
	sp.mu.Unlock()
}

func (sp *space) release(h hold) {
	sp.mu.Lock()
	sp.sum.reserved -= h.reserved
	sp.sum.written -= h.written
	sp.mu.Unlock()
}

// park keeps h for the partial's next flight.
func (sp *space) park(name string, h hold) {
	sp.mu.Lock()
	sp.parked[name] = h
	sp.mu.Unlock()
}

// unpark hands over what was parked, nothing where there was none. It waits for
// an eviction under way, which may be of this very partial.
func (sp *space) unpark(name string) hold {
	sp.evictor.Lock()
	defer sp.evictor.Unlock()
	sp.mu.Lock()
	defer sp.mu.Unlock()
	h := sp.parked[name]
	delete(sp.parked, name)
	return h
}

// anyParked takes one parked partial for eviction.
func (sp *space) anyParked() (name string, h hold, ok bool) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for name, h = range sp.parked {
		delete(sp.parked, name)
		return name, h, true
	}
	return "", hold{}, false
}

// takeParked takes the parked partial of that name, where there is one.
func (sp *space) takeParked(name string) (h hold, ok bool) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	h, ok = sp.parked[name]
	delete(sp.parked, name)
	return h, ok
}

func (sp *space) isParked(name string) bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	_, ok := sp.parked[name]
	return ok
}

func (sp *space) held() int64 {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	return sp.sum.reserved
}
