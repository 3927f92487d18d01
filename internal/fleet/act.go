package fleet

import (
	"context"
	"errors"

	"mirrord/internal/mirror"

	"golang.org/x/sync/errgroup"
)

// actAtOnce bounds what is refreshed at a time.
const actAtOnce = 4

// fetches reports that what has moved is fetched before it is asked for.
func (e *Edge) fetches(repo string) bool { return e.Repos[repo] != OnDemand }

// act does what entries tell of: moves side by side, each root and tag once; purges and
// refreshes alone, in their order among them.
func (e *Edge) act(ctx context.Context, entries []Entry) error {
	var errs []error
	moves := make(map[string]Entry)
	flush := func() {
		errs = append(errs, e.heed(ctx, moves))
		clear(moves)
	}
	for _, n := range entries {
		if _, ours := e.Repos[n.Repo]; !ours || e.Own != nil && n.Origin == e.Own.name {
			continue
		}
		told := context.WithValue(ctx, originKey{}, n.Origin)
		switch n.Act {
		case mirror.RootMoved, mirror.TagMoved:
			moves[leadOf(n)] = n
		case mirror.WasPurged:
			flush()
			_, err := e.Mirror.Purge(told, n.selector(), mirror.PurgeOptions{})
			errs = append(errs, ownFault(err))
		case mirror.WasAsked:
			flush()
			_, err := e.Mirror.Refresh(told, n.Repo, n.Path)
			errs = append(errs, ownFault(err))
		}
	}
	flush()
	return e.settle(ctx, errors.Join(errs...))
}

// heed has moves looked at, some at a time.
func (e *Edge) heed(ctx context.Context, moves map[string]Entry) error {
	var g errgroup.Group
	g.SetLimit(actAtOnce)
	for _, n := range moves {
		g.Go(func() error { return ownFault(e.Mirror.Heed(ctx, n.Repo, n.Path, e.fetches(n.Repo))) })
	}
	return g.Wait()
}

// ownFault is nil for what makes no sense here: the hub's word, which trying again does not
// mend.
func ownFault(err error) error {
	if errors.Is(err, mirror.ErrSelector) || errors.Is(err, mirror.ErrUnknownRepo) {
		return nil
	}
	return err
}

// settle has what failed tried again, triesMost times.
func (e *Edge) settle(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if e.failed++; e.failed < triesMost {
		return err
	}
	e.Log.Warn("news of the hub could not be acted on", "hub", e.Hub.Host, "tries", e.failed, "err", err)
	return nil
}
