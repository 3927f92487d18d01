package trace

import (
	"math"
	"math/rand/v2"
)

// Images is container images that are pulled by nodes: a base of a few layers that
// many share, and layers of their own. Every build gives an image new top layers.
// Nothing dies: the store is not told which manifests a tag named before.
func Images(days int) *Trace {
	b := new(builder)
	r := &images{b: b, rng: rand.New(rand.NewPCG(4, 2))}
	for range 40 {
		r.bases = append(r.bases, r.layers(1+r.rng.IntN(4), 12e6))
	}
	pulled := newZipf(r.rng, 1, 400)
	for range 400 {
		r.list = append(r.list, image{base: r.rng.IntN(len(r.bases)), own: r.layers(2+r.rng.IntN(8), 3e6)})
	}
	for d := range days {
		for i := range r.list {
			if r.rng.IntN(8) == 0 {
				r.build(i)
			}
		}
		if d%14 == 13 {
			r.rebase(r.rng.IntN(len(r.bases)))
		}
		for range 600 {
			r.pull(d*day+r.rng.IntN(day), pulled.draw())
		}
	}
	return b.done("images")
}

type images struct {
	b     *builder
	rng   *rand.Rand
	bases [][]uint32
	list  []image
}

type image struct {
	base int
	own  []uint32
}

// layers are new ones; sizes spread widely around the median.
func (r *images) layers(n int, median float64) (all []uint32) {
	for range n {
		all = append(all, r.b.object(int64(min(2e9, median*math.Exp(2*r.rng.NormFloat64())))+300))
	}
	return all
}

// build replaces the image's upper layers.
func (r *images) build(i int) {
	m := &r.list[i]
	from := r.rng.IntN(len(m.own))
	m.own = append(m.own[:from:from], r.layers(len(m.own)-from, 3e6)...)
}

// rebase replaces a base; the images on it are built anew with it.
func (r *images) rebase(base int) {
	r.bases[base] = r.layers(len(r.bases[base]), 12e6)
	for i, m := range r.list {
		if m.base == base {
			r.build(i)
		}
	}
}

// pull is one to twenty nodes that start the same image within minutes; a node has
// a third of the layers already.
func (r *images) pull(at, i int) {
	m := r.list[i]
	for range 1 + int(r.rng.ExpFloat64()*3) {
		when := at + r.rng.IntN(3*minute)
		for _, layer := range append(append([]uint32{}, r.bases[m.base]...), m.own...) {
			if r.rng.IntN(3) > 0 {
				r.b.get(when, layer)
			}
		}
	}
}
