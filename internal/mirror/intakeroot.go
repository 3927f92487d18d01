package mirror

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"mirrord/internal/repo"
)

// RootTaken is what became of a root that somebody kept.
type RootTaken struct {
	Dir     string // of the root, in the repository
	Mirror  string // whose it is
	Date    time.Time
	Outcome RootOutcome
	Err     error // RootRefused: why
}

// RootOutcome says what became of it.
type RootOutcome string

const (
	RootCurrent RootOutcome = "taken in"                   // it is what clients are given now
	RootSame    RootOutcome = "known already"              // it was that before
	RootOlder   RootOutcome = "no newer than what is here" // that stays
	RootRefused RootOutcome = "refused"                    // it is not whole, or its files do not agree
)

// Roots takes the roots in whose files are given. Each mirror's is proved like one that
// an upstream has. One becomes current where there is none, or where its date is later.
func (in *Intake) Roots(ctx context.Context, files []string) (all []RootTaken, err error) {
	members := make(map[string][]string) // by directory
	var dirs []string
	for _, p := range files {
		plan, err := in.r.Adapter.Plan(p)
		if err != nil || plan.Class != repo.Root {
			continue
		}
		dir := plan.Roots[0]
		if members[dir] == nil {
			dirs = append(dirs, dir)
		}
		members[dir] = append(members[dir], p)
	}
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		all = append(all, in.root(ctx, dir, members[dir])...)
	}
	return all, nil
}

func (in *Intake) root(ctx context.Context, dir string, members []string) (all []RootTaken) {
	rt := in.r.root(dir)
	defer func() { in.r.settle(rt, rt.head() == nil) }()
	for _, p := range members {
		if rt.head() == nil {
			rt.use(p) // so that all of them are looked at
		}
	}
	var found []*candidate
	for _, mirror := range in.r.Upstream.Mirrors() {
		c, err := rt.fetch(ctx, mirror)
		if err == nil && c != nil {
			err = c.fault
		}
		switch {
		case absent(err):
		case err != nil:
			all = append(all, RootTaken{Dir: dir, Mirror: mirror, Outcome: RootRefused, Err: err})
		case c == nil:
			all = append(all, RootTaken{Dir: dir, Mirror: mirror, Date: rt.head().Date, Outcome: RootSame})
		default:
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b *candidate) int { return a.listing.Date.Compare(b.listing.Date) })
	for _, c := range found {
		all = append(all, rt.take(ctx, c))
	}
	return all
}

// take makes a candidate current that is newer than what is here.
func (rt *root) take(ctx context.Context, c *candidate) RootTaken {
	done := RootTaken{Dir: rt.dir, Mirror: c.mirror, Date: c.listing.Date, Outcome: RootOlder}
	switch cur := rt.head(); {
	case cur != nil && cur.ID == c.listing.ID:
		done.Outcome = RootSame
		return done
	case cur != nil && !c.listing.Date.After(cur.Date):
		return done
	}
	c.listing.Complete = false // what nobody fetched is not kept
	if done.Err = rt.adopt(ctx, c); done.Err != nil {
		done.Outcome = RootRefused
		return done
	}
	done.Outcome = RootCurrent
	return done
}

// String is a line for people.
func (t RootTaken) String() string {
	at := path.Join(t.Dir, ".")
	if t.Err != nil {
		return fmt.Sprintf("%s of %s is %s: %v", at, t.Mirror, t.Outcome, t.Err)
	}
	return fmt.Sprintf("%s of %s, %s, is %s", at, t.Mirror, t.Date.UTC().Format(time.DateTime), t.Outcome)
}
