// Package campaign holds the store against disks that fail: it is killed and loses
// its power at each step of what it does, and every operation fails once. With -soak
// it goes on, each time with another seed.
package campaign

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mirrord/test/rig"
)

var (
	seedFlag = flag.Uint64("seed", 0, "repeat the round of this seed")
	soakFlag = flag.Duration("soak", 0, "how long to go on with new seeds, all tests together")
)

// fixedSeed is that of a run without flags: what CI finds it finds again.
const fixedSeed = 1

// shares is how many tests divide what -soak says.
const shares = 3

func TestMain(m *testing.M) { rig.Main(m) }

// A scope is how much of a round is done: where it is not deep, a part of the places
// that CI has time for; where it is, all of them, until its end has come.
type scope struct {
	deep bool
	end  time.Time // zero never
}

// all says whether nothing is to be left out.
func (s scope) all() bool { return s.deep && (s.end.IsZero() || time.Now().Before(s.end)) }

// rounds runs fn with the seed that was asked for, with the fixed one, or with new
// ones for as long as -soak says.
func rounds(t *testing.T, fn func(t *testing.T, rnd *rand.Rand, s scope)) {
	seed := uint64(fixedSeed)
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	s := scope{deep: *soakFlag > 0 || *seedFlag != 0}
	end := time.Now().Add(*soakFlag / shares)
	for round := 0; round == 0 || time.Now().Before(end) && *seedFlag == 0; round++ {
		if *soakFlag > 0 && *seedFlag == 0 {
			seed, s.end = uint64(time.Now().UnixNano()), end
		}
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			fn(t, rand.New(rand.NewPCG(seed, seed)), s)
		})
		if t.Failed() {
			t.Fatalf("to repeat it: go test ./test/campaign -run '^%s$' -seed %d", t.Name(), seed)
		}
	}
}
