package policy

import (
	"math/rand/v2"
	"testing"
)

// requests are of objects of which a few are asked for often.
func requests(objects, n int) (sizes []int64, ids []uint32) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range objects {
		sizes = append(sizes, 1+rng.Int64N(1000))
	}
	for range n {
		ids = append(ids, uint32(float64(objects)*rng.Float64()*rng.Float64()*rng.Float64()))
	}
	return sizes, ids
}

// TestPoliciesKeepToTheirLimit: none holds more than it may, none calls a hit what was
// never asked for, and each that has room for all misses each object once.
func TestPoliciesKeepToTheirLimit(t *testing.T) {
	sizes, ids := requests(2000, 50_000)
	all := int64(0)
	for _, n := range sizes {
		all += n
	}
	for _, p := range All {
		for _, limit := range []int64{900, all / 20, all / 3, 2 * all} {
			c, seen, hits, misses := p.New(Limits{limit, len(sizes)}), make([]bool, len(sizes)), 0, 0
			for n, id := range ids {
				if n%500 == 0 {
					c.Kill(id)
				}
				hit := c.Get(Object{id, sizes[id]}, int64(n)*60)
				if hit && !seen[id] {
					t.Fatalf("%s: a hit on what was never asked for", p.Name)
				}
				if seen[id] = true; hit {
					hits++
				} else {
					misses++
				}
				if c.Bytes() > limit {
					t.Fatalf("%s holds %d bytes, may hold %d", p.Name, c.Bytes(), limit)
				}
			}
			distinct := 0
			for _, s := range seen {
				if s {
					distinct++
				}
			}
			if limit > all && misses != distinct {
				t.Errorf("%s misses %d times with room for all, expected %d", p.Name, misses, distinct)
			}
			if limit > 1000 && (hits == 0 || c.Bytes() < limit/2 && limit < all) {
				t.Errorf("%s with %d of %d bytes: %d hits, %d bytes held", p.Name, limit, all, hits, c.Bytes())
			}
		}
	}
}

// TestOrderOfLeaving: what each policy drops first, on the smallest examples of its paper.
func TestOrderOfLeaving(t *testing.T) {
	const room = 3
	for _, tc := range []struct {
		policy string
		ask    []uint32 // objects of size 1
		gone   uint32   // the one that is then asked for in vain
	}{
		{"FIFO", []uint32{0, 1, 2, 0, 3}, 0},
		{"LRU", []uint32{0, 1, 2, 0, 3}, 1},
		{"SIEVE", []uint32{0, 1, 2, 0, 3}, 1},
		{"LFU-DA", []uint32{0, 0, 1, 1, 2, 3}, 2},
		{"2Q", []uint32{0, 1, 2, 0, 3}, 0}, // it is in order of arrival at first
		{"mirrord", []uint32{0, 1, 2, 0, 3}, 1},
	} {
		c := New(tc.policy, Limits{room, 10})
		for n, id := range tc.ask {
			c.Get(Object{id, 1}, int64(n)*3600)
		}
		if c.Get(Object{tc.gone, 1}, 1e6) {
			t.Errorf("%s still holds %d after %v", tc.policy, tc.gone, tc.ask)
		}
	}
}
