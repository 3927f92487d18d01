package moving

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/tree"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many files are taken in at a time: some wait for the disk while others
// are hashed, and they share transactions. Of small ones 8 took half as long as 4.
const atOnce = 8

// Intake takes the mounts of a Tree in.
type Intake struct {
	Mirror *mirror.Mirror // its repositories' upstreams are Shelf's
	Tree   *tree.Tree
	Keeper Keeper
	Mounts []Mount
	Link   bool // as cache.Offer's
	Log    *Log
}

// Run takes in all there is. An error tells why it could not go on; what was taken in
// until then stays, and is not looked at again the next time.
func (in Intake) Run(ctx context.Context) error {
	found := make(map[string]*content)
	var order []string
	for _, m := range in.Mounts {
		if found[m.Repo] == nil {
			found[m.Repo] = new(content)
			order = append(order, m.Repo)
		}
		if err := in.scan(ctx, m, found[m.Repo]); err != nil {
			return err
		}
	}
	for _, name := range order {
		if err := in.repository(ctx, name, found[name]); err != nil {
			return err
		}
	}
	return nil
}

// content is what the first look at a repository's mounts finds.
type content struct {
	roots   []string // paths in the repository
	indexes []entry
}

// entry is a file and what it is in the repository.
type entry struct {
	file tree.File
	plan repo.Plan
}

// each calls fn with the files of a mount that are a repository's.
func (in Intake) each(ctx context.Context, m Mount, to *mirror.Intake, fn func(entry) error) error {
	return in.Tree.Walk(ctx, m.Dir, below(in.Mounts, m), func(f tree.File) error {
		if in.Keeper.Own(f.Path) {
			return nil
		}
		path, ok := m.path(f.Path)
		if !ok {
			in.Log.passed(tree.Problem{Path: f.Path, Reason: "no path that a client could ask for"})
			return nil
		}
		plan, err := to.Plan(path)
		if err != nil {
			in.Log.passed(tree.Problem{Path: f.Path, Reason: err.Error()})
			return nil
		}
		return fn(entry{file: f, plan: plan})
	}, in.Log.passed)
}

// scan looks what there is, without looking into it.
func (in Intake) scan(ctx context.Context, m Mount, found *content) error {
	to, err := in.Mirror.Intake(m.Repo)
	if err != nil {
		return err
	}
	files, bytes := 0, int64(0)
	err = in.each(ctx, m, to, func(e entry) error {
		switch e.plan.Class {
		case repo.Root:
			found.roots = append(found.roots, e.plan.Path)
			return nil
		case repo.Index:
			found.indexes = append(found.indexes, e)
		}
		files, bytes = files+1, bytes+e.file.Info.Size()
		return nil
	})
	in.Log.show.Expect(files, bytes)
	return err
}

func (in Intake) repository(ctx context.Context, name string, found *content) error {
	to, err := in.Mirror.Intake(name)
	if err != nil {
		return err
	}
	roots, err := to.Roots(ctx, found.roots)
	for _, r := range roots {
		in.Log.Line("%s: root %v", name, r)
	}
	if err != nil {
		return err
	}
	one := taker{in: in, name: name, to: to}
	if err := one.indexes(ctx, found.indexes); err != nil {
		return err
	}
	for _, m := range in.Mounts {
		if m.Repo != name {
			continue
		}
		if err := one.mount(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// taker takes files into one repository.
type taker struct {
	in   Intake
	name string
	to   *mirror.Intake
}

// indexes takes them in: those that roots name, and then those that these name.
func (t taker) indexes(ctx context.Context, all []entry) error {
	var late []entry
	var mu sync.Mutex
	err := atATime(ctx, all, func(ctx context.Context, e entry) error {
		taken, err := t.offer(ctx, e)
		if errors.Is(err, mirror.ErrNotListed) {
			mu.Lock()
			defer mu.Unlock()
			late = append(late, e)
			return nil
		}
		return t.done(e, taken, err)
	})
	if err != nil {
		return err
	}
	if err := t.to.Tables(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.in.Log.Line("%s: what an index names is left out, as that cannot be read: %v", t.name, err)
	}
	return atATime(ctx, late, t.take)
}

// atATime calls fn with all entries, some at a time; its first error ends that.
func atATime(ctx context.Context, all []entry, fn func(context.Context, entry) error) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, e := range all {
		g.Go(func() error { return fn(gctx, e) })
	}
	return g.Wait()
}

// mount takes in all but roots and indexes.
func (t taker) mount(ctx context.Context, m Mount) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	err := t.in.each(gctx, m, t.to, func(e entry) error {
		if e.plan.Class == repo.Leaf || e.plan.Class == repo.Free {
			g.Go(func() error { return t.take(gctx, e) })
		}
		return nil
	})
	if gerr := g.Wait(); gerr != nil {
		return gerr
	}
	return err
}

// take takes one file in, or counts why not. An error ends everything.
func (t taker) take(ctx context.Context, e entry) error {
	taken, err := t.offer(ctx, e)
	return t.done(e, taken, err)
}

func (t taker) offer(ctx context.Context, e entry) (mirror.Taken, error) {
	return t.to.Take(ctx, e.plan, mirror.Offer{
		Open: func() (*os.File, error) { return open(t.in.Tree, e.file.Path) },
		Meta: func() (cache.Meta, error) { return t.meta(e) },
		Size: e.file.Info.Size(), Link: t.in.Link,
	})
}

// done counts what became of a file.
func (t taker) done(e entry, taken mirror.Taken, err error) error {
	t.in.Log.show.Did(e.file.Info.Size())
	return t.in.Log.verdict(t.name, e.file, taken, err)
}

func open(t *tree.Tree, p string) (*os.File, error) {
	f, err := t.Open(p)
	if err != nil {
		return nil, unreadableError{err}
	}
	return f, nil
}

// meta is what the keeper knows of a file that nobody else does.
func (t taker) meta(e entry) (cache.Meta, error) {
	kept, ok := t.in.Keeper.Kept(t.in.Tree, e.file, t.name, e.plan.Path)
	switch {
	case !ok:
		return cache.Meta{}, mirror.ErrNotListed
	case !kept.Whole:
		return cache.Meta{}, fmt.Errorf("%w: it has %d bytes, its header tells another size", cache.ErrMismatch, e.file.Info.Size())
	}
	return kept.Meta.meta(), nil
}
