package trace

import (
	"math"
	"math/rand/v2"
	"sort"
)

// zipf draws ranks below n: rank k with a chance in proportion to 1/(k+1)^skew.
// The one of math/rand has no skew below 1.
type zipf struct {
	rng *rand.Rand
	sum []float64 // of the chances up to a rank
}

func newZipf(rng *rand.Rand, skew float64, n int) zipf {
	z := zipf{rng, make([]float64, n)}
	total := 0.0
	for k := range n {
		total += math.Pow(float64(k+1), -skew)
		z.sum[k] = total
	}
	return z
}

func (z zipf) draw() int {
	return min(sort.SearchFloat64s(z.sum, z.rng.Float64()*z.sum[len(z.sum)-1]), len(z.sum)-1)
}
