package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"

	"github.com/cenkalti/backoff/v5"
)

// Policy says what an edge fetches of a repository before it is asked.
type Policy string

// OnDemand fetches nothing; Used what clients use.
const (
	OnDemand Policy = "on-demand"
	Used     Policy = "used"
)

// Follower is what an edge acts on.
type Follower interface {
	Heed(ctx context.Context, repo, path string, now bool) error
	Refresh(ctx context.Context, repo, path string) ([]mirror.Refreshed, error)
	Purge(ctx context.Context, s mirror.Selector, o mirror.PurgeOptions) (mirror.Purged, error)
}

// EdgeOptions are what an Edge needs.
type EdgeOptions struct {
	Hub    *url.URL
	Token  string
	Client *http.Client // without a time-out of its own
	Repos  map[string]Policy
	Mirror Follower
	Store  *cache.Store
	Own    *Journal // where edges of this mirrord follow it in turn; nil = none do
	Log    *slog.Logger
}

// Edge follows a hub's journal and does what that tells of.
type Edge struct {
	EdgeOptions
	pause *backoff.ExponentialBackOff
	quiet time.Duration // without a line: the hub is gone then

	stop context.CancelFunc
	done sync.WaitGroup
	// Owned by run.
	at     place // acted upon, as meta.db has it
	failed int   // attempts to act on what follows it
}

const (
	// An edge that lost its hub comes back after about pauseFirst, doubling to pauseMost,
	// half of it chance: a hundred edges that lost it together do not come together.
	pauseFirst, pauseMost = time.Second, time.Minute
	pauseChance           = 0.5
	// quietMost is three beats.
	quietMost = 3 * beatEvery
	// triesMost is how often news are acted on that fail; the hub may be away as well. Then
	// they are let go: the next client's question finds what they told of.
	triesMost = 5
)

var keyAt = []byte("at")

// NewEdge reads how far the edge has come. Begin has it go on from there.
func NewEdge(o EdgeOptions) (*Edge, error) {
	e := &Edge{EdgeOptions: o, quiet: quietMost, pause: &backoff.ExponentialBackOff{
		InitialInterval: pauseFirst, MaxInterval: pauseMost, Multiplier: 2, RandomizationFactor: pauseChance,
	}}
	e.pause.Reset()
	err := o.Store.View(func(tx cache.Tx) error {
		if text := tx.Get(tableFleet, keyAt); text != nil {
			return json.Unmarshal(text, &e.at)
		}
		return nil
	})
	return e, err
}

// Begin follows the hub until Close.
func (e *Edge) Begin() {
	ctx, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.done.Go(func() { e.run(ctx) })
}

// Close ends it. What it was about to do it does when it begins again.
func (e *Edge) Close() {
	e.stop()
	e.done.Wait()
}

// run follows the hub, stream after stream.
func (e *Edge) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := e.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := e.pause.NextBackOff()
		if err != nil {
			e.Log.Warn("the hub is not followed", "hub", e.Hub.Host, "again", wait.Round(time.Millisecond), "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// reached writes down that all up to p is done. It is on disk before the hub is told.
func (e *Edge) reached(p place) error {
	e.failed = 0
	if p == e.at {
		return nil
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = e.Store.Update(func(tx cache.Tx) error { return tx.Put(tableFleet, keyAt, text) })
	}
	if err != nil {
		return fmt.Errorf("how far this edge is cannot be written: %w", err)
	}
	e.at = p
	return nil
}
