package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"mirrord/internal/repo"
	"mirrord/internal/upstream"

	"golang.org/x/sync/errgroup"
)

const (
	// proveAtOnce bounds the requests to upstream while a generation is proved.
	proveAtOnce = 6
	// sampleMax bounds how many indexes of a root seen for the first time are
	// looked at, and sampleWhole up to which size they are fetched rather than
	// asked for by HEAD.
	sampleMax   = 48
	sampleWhole = 256 << 10
	// vanishedFor is longer than mirrors of large archives take to synchronise.
	vanishedFor = 30 * time.Minute
)

// prove makes sure that a new generation can be had: all that clients used of
// the old is fetched and checked. Of a root that is new to us nobody used
// anything yet: there a sample of its indexes must be what it says.
func (rt *root) prove(ctx context.Context, g *generation, l repo.Listing) error {
	refs := make(map[string]repo.Ref, len(l.Refs))
	for _, ref := range l.Refs {
		refs[rt.r.role(ref.Path)] = ref
	}
	inRole := func(role string) (repo.Ref, bool) { ref, ok := refs[role]; return ref, ok }
	var eg errgroup.Group // none ends the others: each notes what upstream lacks
	eg.SetLimit(proveAtOnce)
	proved := false
	for _, p := range rt.usedPaths() {
		if ref, ok := refs[p]; ok {
			proved = true
			eg.Go(func() error { return rt.proveUsed(ctx, g, ref, inRole) })
		}
	}
	if proved {
		return eg.Wait()
	}
	return rt.proveSample(ctx, g, rt.sample(l.Refs), l.Complete)
}

// proveUsed has an index in the store that clients use. One that upstream lists
// and has not keeps a generation back for vanishedFor: an upstream that is being
// synchronised brings it, one that dropped it never will.
func (rt *root) proveUsed(ctx context.Context, g *generation, ref repo.Ref, inRole func(string) (repo.Ref, bool)) error {
	err := rt.r.ensure(ctx, g, ref)
	if lacks(err) {
		if c, uerr := rt.r.unpack(ctx, g.ByHash, ref, rt.r.formsOf(ref, inRole), err); uerr == nil {
			return c.Close()
		}
	}
	if !lacks(err) {
		if err == nil {
			rt.lacks(ref.Path, false)
		}
		return err
	}
	if rt.lacks(ref.Path, true) < vanishedFor {
		return err
	}
	rt.r.m.log.Warn("upstream lists an index and has it no more", "repo", rt.r.Name, "path", ref.Path, "err", err)
	return nil
}

// lacks notes whether upstream lacks a used path, and tells for how long it has.
func (rt *root) lacks(path string, yes bool) time.Duration {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	now := rt.r.m.now()
	since, known := rt.lacking[path]
	switch {
	case !yes:
		delete(rt.lacking, path)
	case !known && rt.lacking == nil:
		rt.lacking = map[string]time.Time{path: now}
	case !known:
		rt.lacking[path] = now
	default:
		return now.Sub(since)
	}
	return 0
}

// lacks reports that no mirror gives the file, as far as they could be asked.
func lacks(err error) bool {
	var down *upstream.UnavailableError
	return absent(err) || denied(err) || errors.As(err, &down) && down.Missing > 0
}

// proveSample looks whether the indexes of one kind of client at least (one
// architecture: all that lie in directories of one name) are there and right.
// Which architectures the clients have is not known yet, and the caches before
// public mirrors are seldom right for all of them.
func (rt *root) proveSample(ctx context.Context, g *generation, stems [][]repo.Ref, complete bool) error {
	verdicts := make([]error, len(stems))
	var eg errgroup.Group
	eg.SetLimit(proveAtOnce)
	for i, variants := range stems {
		eg.Go(func() error {
			verdicts[i] = rt.probe(ctx, g, variants, complete)
			return nil
		})
	}
	eg.Wait()
	wrong := make(map[string]error) // by kind; nil = right so far
	for i, err := range verdicts {
		kind := path.Base(path.Dir(stems[i][0].Path))
		if before, seen := wrong[kind]; !seen || before == nil {
			wrong[kind] = err
		}
	}
	var first error
	for _, kind := range slices.Sorted(maps.Keys(wrong)) {
		if wrong[kind] == nil {
			return nil
		}
		if first == nil {
			first = wrong[kind]
		}
	}
	return first
}

// ensure has an index in the store, whole and checked.
func (r *repository) ensure(ctx context.Context, g *generation, ref repo.Ref) error {
	c, err := r.fetchIndex(ctx, g.ByHash, ref)
	if err != nil {
		return err
	}
	return c.Close()
}

// sample picks the indexes that vouch for others, each with its compressions.
func (rt *root) sample(refs []repo.Ref) [][]repo.Ref {
	stems := make(map[string][]repo.Ref)
	var order []string
	for _, ref := range refs {
		plan, err := rt.r.Adapter.Plan(ref.Path)
		if err != nil || !plan.Vouches || ref.Size == 0 {
			continue
		}
		stem := repo.TrimCompression(rt.r.role(ref.Path))
		if _, known := stems[stem]; !known {
			order = append(order, stem)
		}
		stems[stem] = append(stems[stem], ref)
	}
	// The nearest to the top first: main before main/debian-installer.
	slices.SortStableFunc(order, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	var out [][]repo.Ref
	for _, stem := range order[:min(len(order), sampleMax)] {
		variants := stems[stem]
		slices.SortStableFunc(variants, func(a, b repo.Ref) int { return preference(a.Path) - preference(b.Path) })
		out = append(out, variants)
	}
	return out
}

// compressions are those that are read, in apt's own order of preference.
var compressions = []string{".zst", ".xz", ".bz2", ".gz", ".lz4"}

// preference ranks a path by its compression, those without one last.
func preference(p string) int {
	if i := slices.Index(compressions, path.Ext(p)); i >= 0 {
		return i
	}
	return len(p)
}

// probe asks upstream for one index in any of its compressions. That it has
// another one is a sign of trouble; that it has none is one where upstream keeps all
// that it lists.
func (rt *root) probe(ctx context.Context, g *generation, variants []repo.Ref, complete bool) error {
	var wrong error
	for _, ref := range variants {
		err := rt.probeOne(ctx, g, ref)
		if err == nil {
			return nil
		}
		if errors.Is(err, upstream.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if (complete || !absent(err)) && wrong == nil {
			if wrong = err; !errors.Is(err, ErrIncomplete) {
				wrong = fmt.Errorf("%w: %s: %w", ErrIncomplete, ref.Path, err)
			}
		}
	}
	return wrong
}

func (rt *root) probeOne(ctx context.Context, g *generation, ref repo.Ref) error {
	if ref.Size <= sampleWhole {
		return rt.r.ensure(ctx, g, ref)
	}
	var first error
	for _, p := range rt.r.places(ref, g.ByHash) {
		_, err := rt.r.Upstream.Head(ctx, upstream.Request{Path: p, Size: ref.Size})
		var status *upstream.StatusError
		if err == nil || errors.As(err, &status) && status.Code == 405 {
			return nil // 405: it answers no HEAD; the client's own request will tell
		}
		if first == nil || absent(first) {
			first = err
		}
	}
	return first
}
