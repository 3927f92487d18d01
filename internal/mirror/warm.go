package mirror

import (
	"context"
	"strings"
	"sync"

	"mirrord/internal/cache"

	"golang.org/x/sync/errgroup"
)

const (
	// warmAtOnce is how many objects are fetched at a time: clients go on being served.
	warmAtOnce = 4
	// warmMost bounds the names of one call.
	warmMost = 10_000
)

// Warmed is what a warm did.
type Warmed struct {
	Matched int    `json:"matched"`         // names
	Fetched int    `json:"fetched"`         // of them, those that were not stored
	Failed  int    `json:"failed"`          // of them
	Bytes   int64  `json:"bytes"`           // that were fetched
	Error   string `json:"error,omitempty"` // the first failure
}

// Warm fetches what the selected names lead to, as a client would. Names that nobody
// asked for yet are known where an index that clients use names them; one path need
// not be known. Images are fetched by pulling them.
func (m *Mirror) Warm(ctx context.Context, s Selector) (Warmed, error) {
	c, err := m.choose(s)
	if err != nil {
		return Warmed{}, err
	}
	p := c.places[0]
	if p.r == nil || c.digest != "" {
		return Warmed{}, badSelector("expected path, prefix or glob of a repository that is no registry; mirrord warm IMAGE pulls an image")
	}
	w := warm{p: p}
	var names []string
	if c.only != "" {
		names = []string{c.only}
	} else if err = p.r.tables.readAll(ctx, func(t table) bool { return t.covers(c.prefix) || strings.HasPrefix(t.base, c.prefix) }); err != nil {
		return w.Warmed, err
	} else if names, err = m.lacking(ctx, c, &w); err != nil {
		return w.Warmed, err
	}
	var g errgroup.Group
	g.SetLimit(warmAtOnce)
	for _, path := range names {
		g.Go(func() error { w.fetch(ctx, path); return ctx.Err() })
	}
	err = g.Wait()
	return w.Warmed, err
}

// lacking lists the chosen names whose object is not stored.
func (m *Mirror) lacking(ctx context.Context, c chosen, w *warm) (paths []string, err error) {
	err = m.each(ctx, c, func(page []name) (bool, error) {
		for _, n := range page {
			if m.store.Has(n.digest) {
				w.Matched++
				continue
			}
			if len(paths) == 0 || paths[len(paths)-1] != n.path {
				paths = append(paths, n.path)
			}
		}
		if len(paths) > warmMost {
			return false, badSelector("more than %d names are not stored, expected fewer", warmMost)
		}
		return true, nil
	})
	return paths, err
}

// warm is one under way.
type warm struct {
	p place

	mu     sync.Mutex
	Warmed // guarded by mu
}

// fetch reads one path to its end.
func (w *warm) fetch(ctx context.Context, path string) {
	a, err := w.p.r.m.Open(ctx, Request{Repo: w.p.name, Path: path})
	n := int64(0)
	if err == nil {
		n, err = a.drain()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Matched++
	switch {
	case err != nil:
		w.Failed++
		if w.Error == "" {
			w.Error = told(err)
		}
	case a.How != cache.Hit:
		w.Fetched++
		w.Bytes += n
	}
}
