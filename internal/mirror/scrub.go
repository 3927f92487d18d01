package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/repo"

	"golang.org/x/time/rate"
)

const (
	// scrubEvery is how often each object is read again. Disks of this kind lose a sector
	// in years; a week is how long a wrong package may go unnoticed by the clients who
	// check it themselves.
	scrubEvery = 7 * 24 * time.Hour
	// scrubPage is how many objects are read between two notes of how far it came.
	scrubPage = 64
	// scrubPause is how long it waits where nothing is left to do, or something failed.
	scrubPause = time.Minute
)

// ScrubState is how far the reading of all objects is.
type ScrubState struct {
	Pass    *time.Time `json:"pass,omitempty"`  // when this pass, or the last one, began
	Ended   *time.Time `json:"ended,omitempty"` // when the last whole one did
	Part    float64    `json:"part"`            // of this pass that is done, 0 to 1
	Objects int64      `json:"objects"`         // read since the start of mirrord
	Bytes   int64      `json:"bytes"`           // of them
	Rotten  int64      `json:"rotten"`          // of them, those that were wrong, and are removed
	Healed  int64      `json:"healed"`          // of these, those that were fetched again
}

// scrubber reads the objects again, one after another, as slowly as it is told.
type scrubber struct {
	m       *Mirror
	limiter *rate.Limiter

	mu    sync.Mutex
	state ScrubState // guarded by mu
}

// mark is how far the scrubber is, as meta.db has it.
type mark struct {
	Pass  time.Time     `json:"pass"`
	After digest.Digest `json:"after"` // "" = at the beginning
	Ended time.Time     `json:"ended"`
}

const tableScrub = "scrub"

// scrubBurst is the most that is read at once without a pause.
const scrubBurst = 1 << 20

func newScrubber(m *Mirror, bytesPerSecond int64) *scrubber {
	return &scrubber{m: m, limiter: rate.NewLimiter(rate.Limit(bytesPerSecond), scrubBurst)}
}

// Scrubbed tells how far it is; nil where nothing is scrubbed.
func (m *Mirror) Scrubbed() *ScrubState {
	if m.scrubber == nil {
		return nil
	}
	m.scrubber.mu.Lock()
	defer m.scrubber.mu.Unlock()
	st := m.scrubber.state
	return &st
}

// run scrubs until ctx ends.
func (s *scrubber) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.step(ctx); err != nil && ctx.Err() == nil {
			s.m.log.Error("stored objects cannot be checked", "err", err)
			pause(ctx, scrubPause)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// step reads a page of objects, or waits for the next pass.
func (s *scrubber) step(ctx context.Context) error {
	at, err := s.load()
	if err != nil {
		return err
	}
	s.show(at)
	now := s.m.now()
	if at.After == "" && now.Sub(at.Pass) < scrubEvery && !now.Before(at.Pass) {
		pause(ctx, scrubPause)
		return nil
	}
	if at.After == "" {
		at.Pass = now
	}
	list, err := s.m.store.ObjectsAfter(at.After, scrubPage)
	if err != nil {
		return err
	}
	if len(list) == 0 && at.After == "" { // an empty store is no pass
		pause(ctx, scrubPause)
		return nil
	}
	for _, d := range list {
		if err := s.check(ctx, d); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil { // the next pass tries again: one file must not hold up all others
			s.m.log.Error("a stored object cannot be checked", "digest", string(d), "err", err)
		}
		at.After = d
	}
	if len(list) < scrubPage {
		at.After, at.Ended = "", now
	}
	return s.note(at)
}

func (s *scrubber) load() (at mark, err error) {
	err = s.m.store.View(func(tx cache.Tx) error {
		if text := tx.Get(tableScrub, []byte("mark")); text != nil {
			return json.Unmarshal(text, &at)
		}
		return nil
	})
	return at, err
}

// note writes down how far it is.
func (s *scrubber) note(at mark) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	s.show(at)
	return s.m.store.Update(func(tx cache.Tx) error { return tx.Put(tableScrub, []byte("mark"), text) })
}

func (s *scrubber) show(at mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Pass, s.state.Ended, s.state.Part = moment(at.Pass), moment(at.Ended), at.part()
}

// part is how much of the pass is done: digests are spread evenly.
func (at mark) part() float64 {
	if at.After == "" && at.Pass.IsZero() {
		return 0
	}
	if at.After == "" {
		return 1
	}
	first := 0.0
	for _, c := range at.After.Hex()[:4] {
		first = first*16 + float64(strings.IndexRune("0123456789abcdef", c))
	}
	return first / (1 << 16)
}

// check reads one object, and has it fetched again where it is wrong.
func (s *scrubber) check(ctx context.Context, d digest.Digest) error {
	st, err := s.m.store.Stat(d)
	if errors.Is(err, cache.ErrNotStored) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.m.store.Verify(ctx, d, func(ctx context.Context, n int) error { return s.limiter.WaitN(ctx, n) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	rotten := errors.Is(err, cache.ErrRotten)
	if err != nil && !rotten && !errors.Is(err, cache.ErrNotStored) {
		return err
	}
	s.count(st, func(state *ScrubState) {
		if rotten {
			state.Rotten++
		}
	})
	if !rotten {
		return nil
	}
	s.m.log.Error("a stored object was not right any more; it is removed", "digest", string(d), "names", st.Names, "err", err)
	if err := s.m.heal(ctx, st); err != nil {
		s.m.log.Warn("it could not be fetched again; it will be when somebody asks for it", "digest", string(d), "err", err)
		return nil
	}
	s.count(cache.Stored{}, func(state *ScrubState) { state.Healed++ })
	return nil
}

func (s *scrubber) count(st cache.Stored, change func(*ScrubState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.Digest != "" {
		s.state.Objects++
		s.state.Bytes += st.Size
	}
	change(&s.state)
}

var errNameless = errors.New("nothing names it")

// heal fetches again what was removed, by any name that leads to it.
func (m *Mirror) heal(ctx context.Context, lost cache.Stored) error {
	err := errNameless
	for _, n := range lost.Names {
		repoName, path, ok := strings.Cut(n, "/")
		if !ok {
			continue // a digest by which an index names it
		}
		if err = m.fetchNamed(ctx, repoName, path); err == nil {
			return nil
		}
	}
	c := chosen{places: m.places(), digest: lost.Digest, vouched: true} // its entries were tried
	werr := m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			if err = m.fetchVouched(ctx, n); err == nil {
				return false, nil
			}
		}
		return true, nil
	})
	return errors.Join(err, werr)
}

// fetchVouched reads what an index says that the name is, which need not be what
// current clients are given.
func (m *Mirror) fetchVouched(ctx context.Context, n name) error {
	if n.entry || n.place.r == nil {
		return errNameless
	}
	a, err := n.place.r.openRef(ctx, repo.Ref{Path: n.path, Digest: n.digest, Size: n.size}, Request{})
	if err != nil {
		return err
	}
	_, err = a.drain()
	return err
}

// fetchNamed reads a name to its end as a client without credentials would.
func (m *Mirror) fetchNamed(ctx context.Context, repoName, path string) error {
	open := func() (*Answer, error) { return m.Open(ctx, Request{Repo: repoName, Path: path}) }
	if r := m.registries[repoName]; r != nil {
		pull, ok := pullOf(repoName, path)
		if !ok {
			return errNameless
		}
		open = func() (*Answer, error) { return m.Pull(ctx, pull) }
	}
	a, err := open()
	if err != nil {
		return err
	}
	_, err = a.drain()
	return err
}
