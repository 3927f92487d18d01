package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"mirrord/internal/cache"
	"mirrord/internal/repo"
)

// Intake takes into one repository what somebody else kept of it. The order is: roots,
// indexes, Tables, all else. Its Upstream answers from where the files lie.
type Intake struct{ r *repository }

// Intake is for the repository of that name.
func (m *Mirror) Intake(name string) (*Intake, error) {
	r, ok := m.repos[name]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownRepo, name)
	}
	return &Intake{r}, nil
}

// Offer is a file at a path of a repository.
type Offer struct {
	Open func() (*os.File, error)
	Size int64
	// Meta is asked where nobody vouches for the file: what upstream said of it, as far
	// as that is known. Its error is Take's.
	Meta func() (cache.Meta, error)
	Link bool // as cache.Offer's
}

// Taken is what became of an Offer.
type Taken struct {
	cache.Manner
	Unconfirmed bool // it is an entry that upstream is asked for at its first use
}

// Plan says what a path of the repository is.
func (in *Intake) Plan(path string) (repo.Plan, error) { return in.r.Adapter.Plan(path) }

// Take takes one file in that is no root: by what an index says of it, and where
// there can be none as an entry that is still to be confirmed. ErrNotListed reports one
// that no index names, cache.ErrMismatch one that is not what they name, cache.There
// one that is known already.
func (in *Intake) Take(ctx context.Context, plan repo.Plan, o Offer) (Taken, error) {
	refs, free := in.r.namedBy(plan)
	if free {
		manner, err := in.takeFree(ctx, plan, o)
		return Taken{manner, true}, err
	}
	if len(refs) == 0 {
		return Taken{}, fmt.Errorf("%w: %s", ErrNotListed, plan.Path)
	}
	ref, manner, err := in.takeRef(ctx, refs, o)
	if err == nil && plan.Class == repo.Index {
		in.r.useIndex(plan, ref)
	}
	return Taken{Manner: manner}, err
}

// namedBy lists what the generations kept say of a path, the current first; free
// tells that nobody will ever say anything of it.
func (r *repository) namedBy(plan repo.Plan) (refs []repo.Ref, free bool) {
	add := func(ref repo.Ref, ok bool) {
		same := func(other repo.Ref) bool { return other.Digest == ref.Digest }
		if ok && !slices.ContainsFunc(refs, same) {
			refs = append(refs, ref)
		}
	}
	if plan.Class == repo.Free {
		return nil, true
	}
	free = plan.Class == repo.Index
	for _, dir := range plan.Roots {
		rt := r.known(dir)
		if rt == nil || plan.Class != repo.Index {
			continue
		}
		free = false
		for _, g := range rt.generations() {
			if plan.Digest != "" {
				add(rt.named(g, plan.Digest))
			} else {
				add(rt.listed(g, plan.Path))
			}
		}
	}
	all := r.tables.all() // which looks into the store itself: two transactions in each other can wait for ever
	r.m.store.View(func(tx cache.Tx) error {
		for _, tb := range all {
			if tb.covers(plan.Path) {
				add(find(tx, tb.name(r.Name), plan.Path))
			}
		}
		return nil
	})
	return refs, free && len(refs) == 0
}

// takeRef takes in what is one of refs, and tells which. Where none has the file's
// size it is wrong.
func (in *Intake) takeRef(ctx context.Context, refs []repo.Ref, o Offer) (repo.Ref, cache.Manner, error) {
	store := in.r.m.store
	err := fmt.Errorf("%w: it has %d bytes, expected %d", cache.ErrMismatch, o.Size, refs[0].Size)
	var file *os.File
	for _, ref := range refs {
		if ref.Size >= 0 && ref.Size != o.Size {
			continue
		}
		if store.Has(ref.Digest) {
			return ref, cache.There, nil
		}
		if file == nil {
			f, oerr := o.Open()
			if oerr != nil {
				return ref, cache.There, oerr
			}
			defer f.Close()
			file = f
		}
		var manner cache.Manner
		manner, _, err = store.Take(ctx, cache.Offer{File: file, Digest: ref.Digest, Size: ref.Size, Account: in.r.Name, Link: o.Link})
		if !errors.Is(err, cache.ErrMismatch) {
			return ref, manner, err
		}
	}
	return refs[0], cache.There, err
}

// takeFree makes an entry. One that is there came from upstream, or will be asked for
// there.
func (in *Intake) takeFree(ctx context.Context, plan repo.Plan, o Offer) (cache.Manner, error) {
	name := in.r.Name + "/" + plan.Path
	manner := cache.There
	if e, ok := in.r.m.store.Entry(name); !ok || !in.r.m.store.Has(e.Digest) {
		meta, err := o.Meta()
		if err != nil {
			return manner, err
		}
		f, err := o.Open()
		if err != nil {
			return manner, err
		}
		defer f.Close()
		if manner, _, err = in.r.m.store.Take(ctx, cache.Offer{File: f, Name: name, Size: o.Size, Account: in.r.Name, Meta: meta, Link: o.Link}); err != nil {
			return manner, err
		}
	}
	if plan.Vouches {
		in.r.loose.note(plan)
		in.r.tables.reset()
	}
	return manner, nil
}

// useIndex has an index that vouches for others count as one that clients use, unless
// they use it in another form: so its packages are found, and the next generation
// comes with it.
func (r *repository) useIndex(plan repo.Plan, taken repo.Ref) {
	for _, dir := range plan.Roots {
		rt := r.known(dir)
		if rt == nil {
			continue
		}
		ref, ok := rt.listed(rt.head(), plan.Path)
		if plan.Digest != "" {
			ref, ok = rt.named(rt.head(), plan.Digest)
		}
		if !ok || ref.Digest != taken.Digest {
			continue
		}
		listed, err := r.Adapter.Plan(ref.Path)
		if err == nil && listed.Vouches && !rt.usesVariant(ref.Path) {
			rt.use(ref.Path)
		}
		return
	}
}

// usesVariant reports that clients use the index in some form.
func (rt *root) usesVariant(path string) bool {
	stem := repo.TrimCompression(rt.r.role(path))
	return slices.ContainsFunc(rt.usedPaths(), func(used string) bool { return repo.TrimCompression(used) == stem })
}

// Tables reads the indexes that were taken in, so that what they name is known. An
// error tells of those that cannot be read; the others are.
func (in *Intake) Tables(ctx context.Context) error {
	return in.r.tables.readAll(ctx, func(table) bool { return true })
}
