package trace

import "math/rand/v2"

// archive is a suite that changes: each package has one current version, and the
// version before dies when a new one is published.
type archive struct {
	*builder
	suite   *Suite
	rng     *rand.Rand
	ranks   []int
	popular zipf
	current []int64 // object of a package, -1 = its current version was not asked for yet
	index   int64
}

// targetSkew spreads what people install: popcon's counts by rank fall about so.
const targetSkew = 0.9

func newArchive(b *builder, s *Suite, rng *rand.Rand) *archive {
	a := &archive{builder: b, suite: s, rng: rng, ranks: s.ranks(rng), current: make([]int64, len(s.Packages)), index: -1}
	a.popular = newZipf(rng, targetSkew, len(s.Packages))
	for i := range a.current {
		a.current[i] = -1
	}
	return a
}

// target is a package that somebody wants, popular ones more often.
func (a *archive) target() int { return a.ranks[a.popular.draw()] }

func (a *archive) targets(n int) (all []int) {
	for range n {
		all = append(all, a.target())
	}
	return all
}

func (a *archive) fetch(at, pkg int) {
	if a.current[pkg] < 0 {
		size := float64(a.suite.Packages[pkg].Size) * (0.98 + 0.04*a.rng.Float64())
		a.current[pkg] = int64(a.object(int64(size)))
	}
	a.get(at, uint32(a.current[pkg]))
}

// update is apt-get update.
func (a *archive) update(at int) {
	if a.index < 0 {
		a.index = int64(a.object(a.suite.Index))
	}
	a.get(at, uint32(a.index))
}

// publish replaces so many packages and the index.
func (a *archive) publish(at, packages int) (changed map[int]bool) {
	changed = make(map[int]bool)
	for len(changed) < packages {
		pkg := a.rng.IntN(len(a.current))
		if a.rng.IntN(3) == 0 { // what many use is mended more often
			pkg = a.target()
		}
		changed[pkg] = true
		if old := a.current[pkg]; old >= 0 {
			a.dies(at, uint32(old))
			a.current[pkg] = -1
		}
	}
	if a.index >= 0 {
		a.dies(at, uint32(a.index))
		a.index = -1
	}
	return changed
}

// scan asks for all there is, as one who mirrors the suite does.
func (a *archive) scan(at int) {
	a.update(at)
	for n, pkg := range a.rng.Perm(len(a.current)) {
		a.fetch(at+n/50, pkg)
		a.t.Events[len(a.t.Events)-1].Scan = true
	}
}
