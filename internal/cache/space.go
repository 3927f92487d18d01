package cache

import (
	"cmp"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// hold is a flight's part of the budget.
type hold struct {
	account  string // who pays
	reserved int64  // bytes that the object will take
	written  int64  // bytes of them that are on disk already
}

// space keeps the budgets: space is reserved before bytes are written, and made
// by eviction where it lacks.
type space struct {
	s       *Store
	max     int64
	minFree int64
	own     map[string]int64 // the accounts that have a budget of their own

	aheadFrom int64

	evictor sync.Mutex    // held by the one who makes room; taken before mu
	low     chan struct{} // capacity 1: room is to be made ahead

	mu     sync.Mutex
	sum    hold             // of flights and partials; guarded by mu
	paid   map[string]int64 // of them, what is reserved for an account; guarded by mu
	parked map[string]hold  // partials without a flight; guarded by mu
}

func newSpace(s *Store, o Options) *space {
	return &space{s: s, max: o.MaxSize, minFree: o.MinFree, own: o.Budgets, aheadFrom: cmp.Or(o.aheadFrom, aheadFrom), paid: make(map[string]int64), low: make(chan struct{}, 1), parked: make(map[string]hold)}
}

// most is the smallest budget that what the account pays for must fit in, 0 = none.
func (sp *space) most(account string) int64 {
	own := sp.own[account]
	if own == 0 || sp.max > 0 && sp.max < own {
		return sp.max
	}
	return own
}

// reserve sets n bytes aside for an account, evicting where it must. errUnstored
// tells that there is no room.
func (sp *space) reserve(account string, n int64) error {
	if l, err := sp.take(account, n); err != nil || l.bytes <= 0 {
		return err
	}
	sp.evictor.Lock()
	defer sp.evictor.Unlock()
	for {
		l, err := sp.take(account, n)
		if err != nil || l.bytes <= 0 {
			return err
		}
		if most := sp.most(account); most > 0 && n > most {
			return fmt.Errorf("%w: %d bytes are more than the whole budget", errUnstored, n)
		}
		more, err := sp.s.evict(l)
		if err != nil {
			return fmt.Errorf("%w: %w", errUnstored, err)
		}
		if !more {
			return fmt.Errorf("%w: %d bytes more are needed and all else is in use (%s)", errUnstored, l.bytes, l.why)
		}
	}
}

// take reserves n bytes where they fit, else tells what is lacking, an account's own
// budget first: what is over that only its own objects can make room for.
func (sp *space) take(account string, n int64) (lack, error) {
	limits, err := sp.limits(account)
	if err != nil {
		return lack{}, fmt.Errorf("%w: %w", errUnstored, err)
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for _, l := range limits {
		l.bytes += sp.taken(l) + n
		if l.bytes > 0 {
			return l, nil
		}
		if l.bytes > -l.ahead/2 {
			sp.nudge()
		}
	}
	sp.add(hold{account: account, reserved: n})
	return lack{}, nil
}

// limits are those that what an account pays for must keep to; lack.bytes is how much
// of each is stored beyond it, so below zero where there is room.
func (sp *space) limits(account string) (all []lack, err error) {
	stored, ofAccount := sp.s.stored(account)
	if own := sp.own[account]; own > 0 {
		all = append(all, lack{ofAccount - own, OverAccount, account, sp.ahead(own)})
	}
	if sp.max > 0 {
		all = append(all, lack{stored - sp.max, OverSize, "", sp.ahead(sp.max)})
	}
	if sp.minFree > 0 {
		disk, err := diskOf(sp.s.dir)
		if err != nil {
			return nil, err
		}
		all = append(all, lack{sp.minFree - disk.Free, LowDisk, "", sp.ahead(stored)})
	}
	return all, nil
}

// taken is what is reserved under a limit and not stored yet. sp.mu is held.
func (sp *space) taken(l lack) int64 {
	switch l.why {
	case OverAccount:
		return sp.paid[l.account]
	case LowDisk:
		return sp.sum.reserved - sp.sum.written
	}
	return sp.sum.reserved
}

// aheadFrom is the least limit under which room is kept free ahead; of a small one
// every byte counts.
const aheadFrom = 1 << 30

// ahead is how much room is kept free under a limit, so that who fetches does not wait
// for evictions: a 64th, a GiB at most.
func (sp *space) ahead(limit int64) int64 {
	if limit < sp.aheadFrom {
		return 0
	}
	return min(limit/64, 1<<30)
}

// nudge has room be made ahead, soon.
func (sp *space) nudge() {
	select {
	case sp.low <- struct{}{}:
	default:
	}
}

// Disk is the file system under the store, in bytes.
type Disk struct{ Size, Free int64 } // Free: that we may use

// diskOf is that of dir.
func diskOf(dir string) (Disk, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	return Disk{int64(fs.Blocks) * fs.Bsize, int64(fs.Bavail) * fs.Bsize}, err
}

// stored is how many bytes the objects have, and how many of them those that the
// account pays for.
func (s *Store) stored(account string) (all, ofAccount int64) {
	s.db.View(func(tx *bolt.Tx) error {
		all, ofAccount = counter(tx.Bucket(bucketStats), keyBytes), readAccount(tx, account).bytes()
		return nil
	})
	return all, ofAccount
}

// settle brings what is stored back within the limits, with some room ahead: a budget
// may have become smaller, and mirrord is not alone on the disk.
func (sp *space) settle() error {
	accounts := []string{""}
	for name := range sp.own {
		accounts = append(accounts, name)
	}
	for _, account := range accounts {
		for more := true; more && sp.s.ctx.Err() == nil; {
			var err error
			if more, err = sp.settleOnce(account); err != nil {
				return err
			}
		}
	}
	return nil
}

// settleOnce evicts one batch, and reports whether there may be more to do. Who
// waits for room is let in between two.
func (sp *space) settleOnce(account string) (more bool, err error) {
	sp.evictor.Lock()
	defer sp.evictor.Unlock()
	limits, err := sp.limits(account)
	if err != nil {
		return false, err
	}
	for _, l := range limits {
		sp.mu.Lock()
		l.bytes += sp.taken(l) + l.ahead
		sp.mu.Unlock()
		if l.bytes > 0 {
			return sp.s.evict(l)
		}
	}
	return false, nil
}

// add counts h among what is reserved. sp.mu is held.
func (sp *space) add(h hold) {
	sp.sum.reserved += h.reserved
	sp.sum.written += h.written
	if sp.paid[h.account] += h.reserved; sp.paid[h.account] == 0 {
		delete(sp.paid, h.account)
	}
}

// claim is reserve for what nothing is evicted for.
func (sp *space) claim(account string, n int64) error {
	l, err := sp.take(account, n)
	if err == nil && l.bytes > 0 {
		err = fmt.Errorf("%w: %d bytes more are needed (%s)", ErrNoRoom, l.bytes, l.why)
	}
	return err
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
	sp.add(hold{h.account, -h.reserved, -h.written})
	sp.mu.Unlock()
}

// park keeps h for the partial's next flight.
func (sp *space) park(name string, h hold) {
	sp.mu.Lock()
	sp.parked[name] = h
	sp.mu.Unlock()
}

// unpark hands what was parked over to an account, nothing where there was none. It
// waits for an eviction under way, which may be of this very partial.
func (sp *space) unpark(name, account string) (h hold, ok bool) {
	sp.evictor.Lock()
	defer sp.evictor.Unlock()
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if h, ok = sp.parked[name]; ok {
		delete(sp.parked, name)
		sp.add(hold{h.account, -h.reserved, -h.written})
		h.account = account
		sp.add(h)
	}
	return h, ok
}

// anyParked takes one parked partial for eviction.
func (sp *space) anyParked(l lack) (name string, h hold, ok bool) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for name, h = range sp.parked {
		if l.why == OverAccount && h.account != l.account {
			continue
		}
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
