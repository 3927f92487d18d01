package flate

import (
	"fmt"
	"math/rand/v2"
)

// sample is n bytes of something like text and tables, the same every time.
func sample(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var words []string
	for range 800 {
		w := make([]byte, 2+rnd.IntN(8))
		for i := range w {
			w[i] = byte('a' + rnd.IntN(26))
		}
		words = append(words, string(w))
	}
	out := make([]byte, 0, n+64)
	for len(out) < n {
		switch k := rnd.IntN(40); {
		case k == 0:
			out = fmt.Appendf(out, "%d.%d\n", rnd.IntN(1000), rnd.IntN(100))
		case k == 1 && len(out) > 5000:
			at := len(out) - 1 - rnd.IntN(5000)
			out = append(out, out[at:min(at+rnd.IntN(600), len(out))]...)
		default:
			out = append(out, words[min(rnd.IntN(800), rnd.IntN(800))]...)
			out = append(out, ' ')
		}
	}
	return out[:n]
}
