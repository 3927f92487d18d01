package fleet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/mirror"
)

const (
	// journalMost is how many entries are kept, the newest. An edge that was away for
	// more looks at everything.
	journalMost = 10_000
	// pageMost is how many entries are read at a time.
	pageMost = 500

	tableFleet   = "fleet"         // what there is one of
	tableJournal = "fleet/journal" // number, big-endian, to Entry
)

var keyName = []byte("journal")

// Journal numbers what edges may want to hear of, and keeps the newest of it in meta.db.
// It is safe for concurrent use.
type Journal struct {
	store *cache.Store
	now   func() time.Time
	name  string // drawn when it was made
	most  int

	mu          sync.Mutex
	first, last uint64                   // numbers kept, first > last where there are none; guarded by mu
	leads       map[string]digest.Digest // to what a root or tag leads by what was told last; guarded by mu
	more        chan struct{}            // closed at the next entry; guarded by mu
}

// OpenJournal reads the journal, or makes one.
func OpenJournal(store *cache.Store, now func() time.Time) (*Journal, error) {
	return openJournal(store, now, journalMost)
}

func openJournal(store *cache.Store, now func() time.Time, most int) (*Journal, error) {
	j := &Journal{store: store, now: now, most: most, first: 1, leads: make(map[string]digest.Digest), more: make(chan struct{})}
	err := store.View(func(tx cache.Tx) error {
		j.name = string(tx.Get(tableFleet, keyName))
		return tx.Each(tableJournal, func(k, v []byte) error {
			var e Entry
			if len(k) != 8 || json.Unmarshal(v, &e) != nil {
				return errors.New("the fleet's journal is broken")
			}
			if j.last == 0 {
				j.first = e.Seq
			}
			j.last = e.Seq
			j.leads[leadOf(e)] = e.Digest
			return nil
		})
	})
	if err == nil && j.name == "" {
		j.name = rand.Text()
		err = store.Update(func(tx cache.Tx) error { return tx.Put(tableFleet, keyName, []byte(j.name)) })
	}
	return j, err
}

func leadOf(e Entry) string { return string(e.Act) + "\x00" + e.Repo + "\x00" + e.Path }

// originKey is where the context of an act has the journal that told of it first.
type originKey struct{}

// Add writes down what has changed. A root or a tag that leads where it was told to is no
// news. What cannot be written is logged: edges find it at their clients' next question.
func (j *Journal) Add(ctx context.Context, c mirror.Change) {
	e := Entry{
		At: j.now().UTC(), Act: c.Act, Repo: c.Repo, Path: c.Path, Prefix: c.Prefix, Glob: c.Glob, Digest: c.Digest, Tag: c.Tag, Origin: j.name,
	}
	if from, ok := ctx.Value(originKey{}).(string); ok {
		e.Origin = from
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	leads := c.Act == mirror.RootMoved || c.Act == mirror.TagMoved
	if leads && j.leads[leadOf(e)] == e.Digest {
		return
	}
	e.Seq = j.last + 1
	first := max(j.first, e.Seq-min(e.Seq, uint64(j.most))+1)
	if err := j.write(e, first); err != nil {
		slog.Error("news for the fleet cannot be written", "repo", e.Repo, "path", e.Path, "err", err)
		return
	}
	if leads {
		j.leads[leadOf(e)] = e.Digest
	}
	j.first, j.last = first, e.Seq
	close(j.more)
	j.more = make(chan struct{})
}

// write adds an entry, and drops those before first. j.mu is held.
func (j *Journal) write(e Entry, first uint64) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return j.store.Update(func(tx cache.Tx) error {
		for n := j.first; n < first; n++ {
			if err := tx.Delete(tableJournal, numberKey(n)); err != nil {
				return err
			}
		}
		return tx.Put(tableJournal, numberKey(e.Seq), text)
	})
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// at is where the journal is, and what is closed when it is further.
func (j *Journal) at() (place, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return place{j.name, j.last}, j.more
}

// follows reports that all that came after p is known.
func (j *Journal) follows(p place) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return p.Journal == j.name && p.Seq+1 >= j.first && p.Seq <= j.last
}

// after are the entries that follow a number, pageMost at most.
func (j *Journal) after(n uint64) (page []Entry, err error) {
	err = j.store.View(func(tx cache.Tx) error {
		c := tx.Cursor(tableJournal)
		if c == nil {
			return nil
		}
		for k, v := c.Seek(numberKey(n + 1)); k != nil && len(page) < pageMost; k, v = c.Next() {
			var e Entry
			if err := json.Unmarshal(v, &e); err != nil {
				return err
			}
			page = append(page, e)
		}
		return nil
	})
	return page, err
}
