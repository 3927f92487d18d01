package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"mirrord/internal/digest"

	bolt "go.etcd.io/bbolt"
)

// Options of a Store. The zero value of each but Dir is usable.
type Options struct {
	Dir     string
	MaxSize int64 // bytes of objects and partials; 0 = no limit
	MinFree int64 // bytes the file system must keep free
	// Budgets are what single accounts may pay for, in bytes; those not named only
	// share in MaxSize.
	Budgets map[string]int64
	// Park stops a fill when its last reader leaves, and keeps what it has.
	// Otherwise the fill goes on to the end.
	Park bool
	// Rebuild begins a new meta.db where it is lost and there are objects. Fsck takes
	// them back.
	Rebuild bool
	// Damaged is called, once, where meta.db turns out to be damaged: nothing more is
	// stored or found then, and the Store is best closed; nil = nobody. It must not wait
	// for the Store.
	Damaged func(error)
	// Carry gives a flight's context what it is to have of the context of who begins it;
	// nil = nothing.
	Carry func(flight, reader context.Context) context.Context
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default slog.Default()

	aheadFrom int64 // default aheadFrom
}

// Store is the objects of one data directory. It is safe for concurrent use.
type Store struct {
	dir     string
	park    bool
	carry   func(flight, reader context.Context) context.Context
	now     func() time.Time
	log     *slog.Logger
	db      *database
	hot     *hot
	names   *names
	files   *files
	touched *touched
	misled  misled
	space   *space
	evicted evictions
	looks   atomic.Int64 // look-ups in meta.db

	ctx  context.Context // ends with the Store; flights live in it
	stop context.CancelFunc
	wg   sync.WaitGroup // flights and the toucher

	// making is held for reading while an object gets its name and its record, and for
	// writing by a purge. Taken before mu.
	making sync.RWMutex

	mu       sync.Mutex
	flights  map[string]*flight              // guarded by mu
	reading  map[digest.Digest]int           // open Contents by object; guarded by mu
	evicting map[digest.Digest]chan struct{} // closed when the eviction is through; guarded by mu
	closed   bool                            // guarded by mu
	begun    int64                           // flights; guarded by mu
	joined   int64                           // requests that found one under way; guarded by mu
	ended    map[Ending]int64                // flights; guarded by mu
}

// Open takes the data directory over. It does not look at the objects, so it
// takes the same short time whatever their number.
func Open(o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if err := settleIn(o.Dir, o.Rebuild); err != nil {
		return nil, err
	}
	db, err := openDB(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: o.Dir, park: o.Park, carry: o.Carry, now: o.Now, log: o.Log, db: &database{dir: o.Dir, db: db, damaged: o.Damaged},
		hot: newHot(), names: newNames(), files: newFiles(), touched: newTouched(), misled: newMisled(),
		flights:  make(map[string]*flight),
		reading:  make(map[digest.Digest]int),
		evicting: make(map[digest.Digest]chan struct{}),
		ended:    make(map[Ending]int64),
	}
	s.space = newSpace(s, o)
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := s.recover(); err != nil {
		s.stop()
		db.Close()
		return nil, fmt.Errorf("recovery of the data directory: %w", err)
	}
	s.wg.Add(1)
	go s.keepTouching()
	return s, nil
}

// Close parks every flight, writes what is pending and lets the directory go.
// Contents still open break off.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.wg.Wait()
	s.files.purge()
	return errors.Join(s.flushTouched(), s.db.Close())
}

// Stats are the store's counters.
type Stats struct {
	Objects, Bytes int64 // committed
	Reserved       int64 // bytes of flights and partials
	Flights        int
	Disk           Disk
	Accounts       map[string]Account

	// What follows is since the Store was opened.

	Begun, Joined int64 // flights, and requests that found one under way
	Ended         map[Ending]int64
	Evicted       map[Reason]Evicted
}

// Account is what one account pays for.
type Account struct {
	Objects, Bytes int64
	Budget         int64  // of its own, 0 = none
	Superseded     Amount // of it, what nothing current names
	Again          Amount // what is used again
	Pinned         Amount
}

// Amount is of objects.
type Amount struct{ Objects, Bytes int64 }

// Stats reads the counters; it does not count.
func (s *Store) Stats() Stats {
	st := Stats{Evicted: s.evicted.counts(), Accounts: make(map[string]Account)}
	s.db.View(func(tx *bolt.Tx) error {
		stats := tx.Bucket(bucketStats)
		st.Objects, st.Bytes = counter(stats, keyObjects), counter(stats, keyBytes)
		for name, a := range readAccounts(tx) {
			st.Accounts[name] = a.stats(s.space.own[name])
		}
		return nil
	})
	st.Reserved = s.space.held()
	st.Disk, _ = diskOf(s.dir) // zero where nothing is known
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Flights, st.Begun, st.Joined, st.Ended = len(s.flights), s.begun, s.joined, maps.Clone(s.ended)
	return st
}

func (s *Store) blobPath(d digest.Digest) string {
	sum := d.Hex()
	return filepath.Join(s.dir, "blobs", "sha256", sum[:2], sum)
}

func (s *Store) partialPath(name string) string { return filepath.Join(s.dir, "partial", name) }

func (s *Store) trashPath(d digest.Digest) string {
	return filepath.Join(s.dir, "trash", d.Hex())
}

// acquire counts a reader of the object, so that it is not evicted; false where
// an eviction has begun.
func (s *Store) acquire(d digest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, going := s.evicting[d]; going {
		return false
	}
	s.reading[d]++
	return true
}

func (s *Store) release(d digest.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[d]--; s.reading[d] == 0 {
		delete(s.reading, d)
	}
}

// removeQuietly removes a file that is not needed any more; that it is gone
// already is fine.
func (s *Store) removeQuietly(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("cannot remove a file", "file", filepath.Base(path), "err", err)
	}
}
