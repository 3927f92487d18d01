package trace

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Zipf asks for the suite's packages independently of each other, one every five
// seconds, and nothing ever changes: what most papers measure.
func Zipf(s *Suite, requests int) *Trace {
	b := new(builder)
	a := newArchive(b, s, rand.New(rand.NewPCG(1, 2)))
	for n := range requests {
		a.fetch(5*n, a.target())
	}
	return b.done("zipf")
}

// CI is build machines that install the same sets again and again onto fresh base
// images. With scan, a mirroring client fetches the whole suite once a week.
func CI(s *Suite, days int, scan bool) *Trace {
	b := new(builder)
	a := newArchive(b, s, rand.New(rand.NewPCG(2, 2)))
	jobs := newJobs(a, 60)
	for d := range days {
		a.publish(d*day, 40)
		jobs.run(d*day, 300)
		if scan && d%7 == 5 {
			a.scan(d*day + 2*hour)
		}
	}
	return b.done(map[bool]string{false: "ci", true: "ci + scan"}[scan])
}

// Fleet is machines that upgrade once a day, and new ones that are set up. With
// scan, a mirroring client fetches the whole suite once a week.
func Fleet(s *Suite, days int, scan bool) *Trace {
	b := new(builder)
	a := newArchive(b, s, rand.New(rand.NewPCG(3, 2)))
	f := newFleet(a, 400)
	for d := range days {
		f.day(d*day, a.publish(d*day, 60))
		if scan && d%7 == 5 {
			a.scan(d*day + 2*hour)
		}
	}
	return b.done(map[bool]string{false: "fleet", true: "fleet + scan"}[scan])
}

// jobs are what build machines install.
type jobs struct {
	a    *archive
	sets [][]int // packages; the often run ones first
	runs zipf
}

func newJobs(a *archive, n int) *jobs {
	j := &jobs{a: a, runs: newZipf(a.rng, 1, n)}
	for range n {
		j.sets = append(j.sets, j.set())
	}
	return j
}

func (j *jobs) set() []int { return j.a.suite.install(j.a.targets(1 + j.a.rng.IntN(10))...) }

// run is a day's runs, most of them in working hours. One set is replaced a day.
func (j *jobs) run(at, runs int) {
	j.sets[j.a.rng.IntN(len(j.sets))] = j.set()
	for range runs {
		when := at + int((8+8*j.a.rng.Float64())*hour)
		if j.a.rng.IntN(4) == 0 {
			when = at + j.a.rng.IntN(day)
		}
		j.a.update(when)
		for _, pkg := range j.sets[j.runs.draw()] {
			j.a.fetch(when+1+j.a.rng.IntN(30), pkg)
		}
	}
}

// fleet is machines with what is installed on each.
type fleet struct {
	a        *archive
	machines []map[int]bool
}

func newFleet(a *archive, n int) *fleet {
	f := &fleet{a: a}
	for range n {
		f.machines = append(f.machines, f.machine())
	}
	return f
}

func (f *fleet) machine() map[int]bool {
	m := make(map[int]bool)
	for _, pkg := range f.a.suite.install(f.a.targets(10 + f.a.rng.IntN(60))...) {
		m[pkg] = true
	}
	return m
}

// day has every machine upgrade what changed, one in a hundred set up anew, and
// one in ten install something.
func (f *fleet) day(at int, changed map[int]bool) {
	for i, m := range f.machines {
		when := at + f.a.rng.IntN(day)
		f.a.update(when)
		if f.a.rng.IntN(100) == 0 {
			f.machines[i] = f.machine()
			for _, pkg := range sorted(f.machines[i]) {
				f.a.fetch(when+1, pkg)
			}
			continue
		}
		for _, pkg := range sorted(changed) {
			if m[pkg] {
				f.a.fetch(when+1, pkg)
			}
		}
		if f.a.rng.IntN(10) == 0 {
			for _, pkg := range f.a.suite.install(f.a.target()) {
				if !m[pkg] {
					m[pkg] = true
					f.a.fetch(when+2, pkg)
				}
			}
		}
	}
}

// sorted makes the order of a set the same in every run.
func sorted(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }
