package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
	"mirrord/internal/repo/oci"
	"mirrord/internal/upstream"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Adapter says what the paths of one kind of repository mean. It is pure.
type Adapter interface {
	// Plan classifies a clean path.
	Plan(path string) (repo.Plan, error)
	// Members are the files of a root, in groups, the preferred group first: in each
	// the text, then what was made of it (its signature).
	Members() [][]string
	// Root checks that a root's files agree and tells what they vouch for.
	Root(dir string, files map[string][]byte) (repo.Listing, error)
	// Lineage tells what the versions of the file at path have in common.
	Lineage(path string) repo.Lineage
	// Read tells what the index at path vouches for.
	Read(path string, r io.Reader, emit func(repo.Ref) error) error
}

// Config is one repository.
type Config struct {
	Name     string
	Adapter  Adapter
	Upstream *upstream.Group
	// Fresh is how long a root, or a file that nobody vouches for, is served
	// without asking upstream.
	Fresh time.Duration
	// History is how long a state that was replaced can be asked for by its time.
	History time.Duration
	// Vet reports a file of a root that a list of mirrors knows not to be right;
	// nil = there is no such list.
	Vet func(ctx context.Context, path string, text []byte) error
	// Shortcut is asked before Upstream for what a digest names; nil = there is none.
	Shortcut Shortcut
}

// Options are what all repositories share.
type Options struct {
	Store *cache.Store
	Repos []Config
	// Registries are those that Pull serves, Default the one that is meant where a
	// request names none ("" = none is), Library those where library/ is implied.
	Registries []RegistryConfig
	Default    string
	Library    []string
	Aliases    oci.Aliases
	// Scrub is how many bytes of the stored objects are read again each second, in the
	// background; 0 = none.
	Scrub int64
	// Changed is told of what others may want to hear of, when it is done; nil = nobody
	// is. The context is that of the act, or the Mirror's.
	Changed func(context.Context, Change)
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default slog.Default()
}

const (
	// patience is how long a client who could have something stale waits for
	// upstream, counted from when the first began to wait.
	patience = 3 * time.Second
	// patienceAgain is what is left of it while upstream is known to be down, and all
	// that an edge has, lest it take this mirrord for the one that hangs: enough for the
	// answer of one that is well again, and not felt where it still hangs.
	patienceAgain = 250 * time.Millisecond
	// retryAfter is the pause after a refresh that failed. The breakers of the
	// mirrors have longer ones of their own.
	retryAfter = 2 * time.Second
	// answersKept bounds the memory of resolved paths, about 300 bytes each.
	answersKept = 32 << 10
)

// ErrUnknownRepo reports a name that is not configured.
var ErrUnknownRepo = errors.New("no such repository")

// ErrNotListed reports a path that no index of its repository names.
var ErrNotListed = errors.New("not listed by the repository's index")

// ErrIncomplete reports an upstream whose indexes do not match its root: a
// mirror in the middle of its own synchronisation.
var ErrIncomplete = errors.New("upstream is half-synchronised")

// ErrBadRoot reports a root that cannot be read, or whose files do not agree.
var ErrBadRoot = errors.New("upstream's root is not usable")

// ErrNotHit answers Request.OnlyHit: the question takes longer.
var ErrNotHit = errors.New("not a hit")

// Mirror serves the repositories. It is safe for concurrent use.
type Mirror struct {
	store *cache.Store
	now   func() time.Time
	log   *slog.Logger
	tell  func(context.Context, Change) // nil = nobody wants to know
	repos map[string]*repository

	registries map[string]*registry
	names      oci.Names
	aliases    oci.Aliases

	snapshots snapshots
	codings   codings
	scrubber  *scrubber // nil = there is none
	settling  settling

	ctx  context.Context // ends with the Mirror; refreshes live in it
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// repository is one configured repository and what is known of it.
type repository struct {
	Config
	m         *Mirror
	tables    tables
	loose     loose
	absences                              // paths that upstream lacks
	seen      *lru.Cache[seenKey, string] // generation that an address was given last
	promises  promises                    // what addresses were told of roots
	refreshes refreshes
	found     *lru.Cache[foundKey, repo.Ref] // what paths resolved to
	mu        sync.Mutex
	roots     map[string]*root // by directory; guarded by mu
}

// New reads the generations that are known and serves from them at once.
func New(o Options) (*Mirror, error) {
	m := &Mirror{store: o.Store, now: o.Now, log: o.Log, tell: o.Changed, repos: make(map[string]*repository)}
	if m.now == nil {
		m.now = time.Now
	}
	if m.log == nil {
		m.log = slog.Default()
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	for _, c := range o.Repos {
		r := &repository{Config: c, m: m, roots: make(map[string]*root)}
		r.tables.r, r.tables.slots = r, make(chan struct{}, readAtOnce)
		r.absences = newAbsences(m.now)
		r.seen, _ = lru.New[seenKey, string](answersKept)
		r.promises.kept, _ = lru.New[seenKey, []promise](answersKept)
		r.found, _ = lru.New[foundKey, repo.Ref](answersKept)
		m.repos[c.Name] = r
	}
	m.aliases = o.Aliases
	m.registries = make(map[string]*registry)
	m.names = oci.Names{Default: o.Default, Known: make(map[string]bool), Library: make(map[string]bool)}
	for _, c := range o.Registries {
		m.registries[c.Name] = m.newRegistry(c)
		m.names.Known[c.Name] = true
	}
	for _, name := range o.Library {
		m.names.Library[name] = true
	}
	m.codings = newCodings()
	m.snapshots.list = make(map[string]*snapshot)
	if err := errors.Join(m.load(), m.loadSnapshots()); err != nil {
		return nil, err
	}
	if o.Scrub > 0 {
		m.scrubber = newScrubber(m, o.Scrub)
		m.wg.Go(func() { m.scrubber.run(m.ctx) })
	}
	m.unsettle() // a crash may have come in between
	return m, nil
}

// Close ends the refreshes under way. The store is the caller's to close.
func (m *Mirror) Close() {
	m.stop()
	m.wg.Wait()
}

// Request is one client's wish.
type Request struct {
	Repo string // NAME, or NAME@STATE: a snapshot's name, or a time
	Path string // clean
	From int64  // first byte wanted, where known
	Head bool   // no bytes are wanted: nothing is fetched for it
	// OnlyHit asks for what is stored and fresh and can be told so at once, and
	// else for ErrNotHit.
	OnlyHit bool
	// Edge tells that another mirrord asks, which follows this one's news: where there
	// is something older it waits only for an upstream that answers quickly.
	Edge bool
	// Client keeps what its connection was given; nil is allowed.
	Client *Client
}

// Open answers the request. The Answer is the caller's to close.
func (m *Mirror) Open(ctx context.Context, req Request) (*Answer, error) {
	if name, at, past := cutAt(req.Repo); past {
		req.Repo = name
		return m.openAt(ctx, at, req)
	}
	r, plan, err := m.plan(req)
	if err != nil {
		return nil, err
	}
	if req.OnlyHit {
		return r.openHit(plan, req)
	}
	switch plan.Class {
	case repo.Root:
		return r.openRoot(ctx, plan, req)
	case repo.Index:
		return r.openIndex(ctx, plan, req)
	case repo.Leaf:
		return r.openLeaf(ctx, plan, req)
	}
	return r.openFree(ctx, plan, req)
}

// plan finds the repository and what the path means in it.
func (m *Mirror) plan(req Request) (*repository, repo.Plan, error) {
	r, ok := m.repos[req.Repo]
	if !ok {
		return nil, repo.Plan{}, fmt.Errorf("%w: %q", ErrUnknownRepo, req.Repo)
	}
	plan, err := r.Adapter.Plan(req.Path)
	return r, plan, err
}

// near reports that less than d lies between two times. What was written down before a
// clock was set back is no younger for it.
func near(a, b time.Time, d time.Duration) bool { return a.Sub(b).Abs() < d }

// patienceWith is how long a client who could have something stale waits for g now;
// edge tells that it is another mirrord.
func patienceWith(g *upstream.Group, edge bool) time.Duration {
	if _, down := g.Down(); down || edge {
		return patienceAgain
	}
	return patience
}
