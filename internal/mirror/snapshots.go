package mirror

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
)

var (
	// ErrNoSnapshot reports a snapshot, or a time, of which nothing is kept.
	ErrNoSnapshot = errors.New("no such state of the repository is kept")
	// ErrSnapshotExists reports a name that is taken.
	ErrSnapshotExists = errors.New("there is a snapshot of that name")
)

// Snapshot is a repository's state that is kept under a name.
type Snapshot struct {
	Repo    string    `json:"repo"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Roots are the generations of the roots, by directory.
	Roots map[string]digest.Digest `json:"roots"`
	Files int                      `json:"files"` // that it names, those of its indexes too
}

// snapshot is what meta.db keeps of one. It does not change once it is on the list.
type snapshot struct {
	Snapshot
	Used   map[string][]string `json:"used"`   // by directory: what clients used then, by role
	Owners []string            `json:"owners"` // of its pins
	Ready  bool                `json:"ready"`  // it was made to the end, and is not being deleted
}

const (
	tableSnapshots = "snapshots"
	// snapshotsMost bounds those of one repository.
	snapshotsMost = 1000
)

func (s *snapshot) key() []byte { return []byte(s.Repo + "\x00" + s.Name) }

// entries is the table of its files that nobody vouches for: path -> digest and size.
func (s *snapshot) entries() string { return "snapshot\x00" + s.Repo + "\x00" + s.Name }

// snapshots are those of all repositories.
type snapshots struct {
	changing sync.Mutex // held while one is made or deleted; taken before mu
	mu       sync.Mutex
	list     map[string]*snapshot // by key; guarded by mu
	under    map[string]bool      // extensions under way; guarded by mu
}

// extending reports that s is not being extended by that role yet, and notes that it
// is until end is called: clients who ask again start nothing.
func (l *snapshots) extending(s *snapshot, dir, role string) (end func(), ok bool) {
	key := strings.Join([]string{string(s.key()), dir, role}, "\x00")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.under[key] {
		return nil, false
	}
	if l.under == nil {
		l.under = make(map[string]bool)
	}
	l.under[key] = true
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.under, key)
	}, true
}

func (l *snapshots) get(repo, name string) *snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[repo+"\x00"+name]
}

func (l *snapshots) all() []*snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.list), func(a, b *snapshot) int { return cmp.Compare(string(a.key()), string(b.key())) })
}

func (l *snapshots) set(s *snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list[string(s.key())] = s
}

func (l *snapshots) drop(s *snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, string(s.key()))
}

// holds reports that a snapshot names the root's generation.
func (l *snapshots) holds(rt *root, id digest.Digest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.list {
		if s.Repo == rt.r.Name && s.Roots[rt.dir] == id {
			return true
		}
	}
	return false
}

// load reads the snapshots, and removes those that were not made to their end.
func (m *Mirror) loadSnapshots() error {
	var unfinished []*snapshot
	err := m.store.View(func(tx cache.Tx) error {
		return tx.Each(tableSnapshots, func(_, v []byte) error {
			s := new(snapshot)
			if err := json.Unmarshal(v, s); err != nil {
				return fmt.Errorf("a snapshot cannot be read: %w", err)
			}
			if !s.Ready {
				unfinished = append(unfinished, s)
			}
			m.snapshots.set(s)
			return nil
		})
	})
	for _, s := range unfinished {
		err = errors.Join(err, m.remove(s))
	}
	return err
}

// Snapshots lists them, by repository and name.
func (m *Mirror) Snapshots() []Snapshot {
	all := []Snapshot{}
	for _, s := range m.snapshots.all() {
		if s.Ready {
			all = append(all, s.Snapshot)
		}
	}
	return all
}

// snapshotName is what one may be called: nothing that could be a date.
var snapshotName = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

// Snapshot keeps the state of a repository under a name, or of every one that has any
// where repoName is "": all of them or, on an error, none.
func (m *Mirror) Snapshot(ctx context.Context, repoName, name string) (made []Snapshot, err error) {
	if !snapshotName.MatchString(name) {
		return nil, badSelector("name %.80q, expected a letter a-z and at most 63 of a-z, 0-9, dot, dash and underscore", name)
	}
	repos, err := m.snapshotted(repoName)
	if err != nil {
		return nil, err
	}
	m.snapshots.changing.Lock()
	defer m.snapshots.changing.Unlock()
	for _, r := range repos {
		if m.snapshots.get(r.Name, name) != nil {
			return nil, fmt.Errorf("%w: %s@%s", ErrSnapshotExists, r.Name, name)
		}
	}
	for _, r := range repos {
		s, err := r.snapshot(ctx, name)
		if err != nil {
			return nil, errors.Join(err, m.undo(repos, name))
		}
		made = append(made, s.Snapshot)
	}
	return made, nil
}

// undo takes back what a call made before it failed: half of it would stand in the
// way of the next try.
func (m *Mirror) undo(repos []*repository, name string) (err error) {
	for _, r := range repos {
		if s := m.snapshots.get(r.Name, name); s != nil {
			err = errors.Join(err, m.withdraw(s))
		}
	}
	return err
}

// snapshotted are the repositories that a call means.
func (m *Mirror) snapshotted(repoName string) (list []*repository, err error) {
	if repoName == "" {
		return slices.SortedFunc(maps.Values(m.repos), func(a, b *repository) int { return strings.Compare(a.Name, b.Name) }), nil
	}
	if m.registries[repoName] != nil {
		return nil, badSelector("%s is a registry: pull by digest, which is a snapshot", repoName)
	}
	r := m.repos[repoName]
	if r == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownRepo, repoName)
	}
	return []*repository{r}, nil
}

// DeleteSnapshot forgets a snapshot; what no other one names may be evicted again.
func (m *Mirror) DeleteSnapshot(repoName, name string) error {
	m.snapshots.changing.Lock()
	defer m.snapshots.changing.Unlock()
	s := m.snapshots.get(repoName, name)
	if s == nil {
		return fmt.Errorf("%w: %s@%s", ErrNoSnapshot, repoName, name)
	}
	return m.withdraw(s)
}

// withdraw has a snapshot not served any more, then removes it.
func (m *Mirror) withdraw(s *snapshot) error {
	doomed := *s
	doomed.Ready = false
	if err := m.saveSnapshot(&doomed); err != nil {
		return err
	}
	return m.remove(&doomed)
}

func (m *Mirror) saveSnapshot(s *snapshot) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := m.store.Update(func(tx cache.Tx) error { return tx.Put(tableSnapshots, s.key(), text) }); err != nil {
		return fmt.Errorf("a snapshot cannot be recorded: %w", err)
	}
	m.snapshots.set(s)
	return nil
}

// remove takes away what a snapshot alone holds, then the snapshot.
func (m *Mirror) remove(s *snapshot) error {
	shared := make(map[string]bool)
	for _, other := range m.snapshots.all() {
		if string(other.key()) != string(s.key()) {
			for _, owner := range other.Owners {
				shared[owner] = true
			}
		}
	}
	for _, owner := range s.Owners {
		if shared[owner] {
			continue
		}
		if err := m.store.UnpinAll(owner); err != nil {
			return err
		}
	}
	err := m.store.Update(func(tx cache.Tx) error {
		if err := tx.Drop(s.entries()); err != nil {
			return err
		}
		return tx.Delete(tableSnapshots, s.key())
	})
	if err != nil {
		return err
	}
	m.snapshots.drop(s)
	if r := m.repos[s.Repo]; r != nil {
		return r.letGo()
	}
	return nil
}
