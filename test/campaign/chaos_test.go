package campaign

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	// chaosLife is how long mirrord lives until it is killed, so many times.
	chaosLife                  = 2700 * time.Millisecond
	chaosKills, chaosKillsDeep = 2, 14
	chaosClients               = 8
	chaosFiles                 = 6 // of each kind
	chaosImages                = 3 // that the tag leads to in turn
	chaosTag                   = tags + "1"
	hungUpMost                 = 64 << 10 // bytes until a client hangs up
)

// chaos is two upstreams that do all of it, and a mirrord before them.
type chaos struct {
	t    *testing.T
	ups  []*faulty.Server
	m    *rig.Mirrord
	data map[string][][]byte // by path below mirrord: what upstream may have there

	right, broken, refused, none atomic.Int64 // answers
	moved                        atomic.Int64 // those with another manifest of a tag than the first
}

func newChaos(t *testing.T) *chaos {
	c := &chaos{t: t, ups: []*faulty.Server{faulty.New(t), faulty.New(t)}, data: map[string][][]byte{}}
	debs := map[string][]byte{}
	for i := range chaosFiles {
		size := 1_000 << (2 * i) // up to a megabyte
		debs[fmt.Sprintf("pool/p%d.deb", i)] = rig.Content(uint64(100+i), size)
		c.has(fmt.Sprintf("files/f%d", i), rig.Content(uint64(200+i), size))
	}
	for p, data := range rig.NewTree(debs) {
		c.has("apt/"+p, data)
	}
	for i := range chaosImages {
		files, _ := image("1", uint64(300+i), 10_000, 600_000) // the larger is long enough for a request of its own in the middle
		for p, data := range files {
			c.has(p, data)
		}
	}
	for p, versions := range c.data {
		c.set(p, versions[0])
	}
	urls := func(below string) string {
		return fmt.Sprintf("[%q, %q]", c.ups[0].URL+below, c.ups[1].URL+below)
	}
	c.m = rig.Start(t, rig.Config{
		Extra: "cache: {max_size: 2MiB, min_free: 0}\nupstream: {connect_timeout: 1s, header_timeout: 1s, idle_timeout: 1s}\n",
		Repos: "- {name: files, type: generic, fresh: 0s, upstreams: " + urls("/files") + "}\n- {name: apt, type: apt, fresh: 0s, upstreams: " + urls("/apt") + "}\n" +
			hub(urls("/hub")),
	})
	return c
}

// has adds what upstream may have at a path.
func (c *chaos) has(path string, data []byte) { c.data[path] = append(c.data[path], data) }

// set makes data what both upstreams have there from now on, the one after the other.
func (c *chaos) set(path string, data []byte) {
	for _, u := range c.ups {
		u.Set("/"+path, data, labels(path, data)...)
	}
}

// paths are those of the files, in order.
func (c *chaos) paths() []string { return slices.Sorted(maps.Keys(c.data)) }

// ask has clients ask for whole files and their ends until stop is closed, or for what
// they do not wait for. What an index or a digest vouches for may break off or be
// refused; it never ends cleanly and wrong.
func (c *chaos) ask(rnd *rand.Rand, stop <-chan struct{}) {
	paths := c.paths()
	for {
		select {
		case <-stop:
			return
		default:
		}
		p := paths[rnd.IntN(len(paths))]
		size, field := len(c.data[p][0]), ""
		switch rnd.IntN(5) {
		case 0:
			field = fmt.Sprintf("bytes=%d-", rnd.IntN(size))
		case 1:
			field = fmt.Sprintf("bytes=-%d", 1+rnd.IntN(size))
		case 2:
			c.hangUp(p, rnd.IntN(size), rnd.IntN(hungUpMost))
			continue
		}
		var fields []string
		if field != "" {
			fields = []string{"Range", field}
		}
		r := rig.Get(c.m.URL(p), fields...)
		switch at, err := c.which(r, p, field); {
		case err == nil:
			c.right.Add(1)
			if at > 0 {
				c.moved.Add(1)
			}
		case r.Status == 0: // killed
			c.none.Add(1)
		case r.Err != nil:
			c.broken.Add(1)
		case r.Status > 400 && r.Status != http.StatusInternalServerError:
			c.refused.Add(1)
		default:
			c.t.Errorf("%s %s: %v: %s: %.100q", p, field, err, r.How(), r.Body)
		}
	}
}

// TestChaos has both of two upstreams fail at random, in every way there is.
func TestChaos(t *testing.T) {
	rounds(t, func(t *testing.T, rnd *rand.Rand, s scope) {
		c := newChaos(t)
		for _, p := range c.paths() {
			if err := rig.Get(c.m.URL(p)).Right("", c.data[p][0]); err != nil {
				t.Fatalf("%s: %v", p, err)
			}
		}
		before, err := takeVitals(c.m)
		if err != nil {
			t.Fatal(err)
		}
		c.rages(rnd, s)
		t.Logf("%d answers were right, %d of them of a tag that had moved; %d broke off, %d were refused, %d did not begin; upstream was asked %d times",
			c.right.Load(), c.moved.Load(), c.broken.Load(), c.refused.Load(), c.none.Load(), len(c.ups[0].Requests())+len(c.ups[1].Requests()))
		if c.moved.Load() == 0 {
			t.Error("nobody saw a tag move")
		}
		c.recovers()
		calms(t, c.m, before, len(c.data))
		if strings.Contains(c.m.Log(), "panic") {
			t.Error("mirrord panicked")
		}
		c.m.Fsck(t)
	})
}

// rages has all of it go on at once for a while, and mirrord be killed now and then.
func (c *chaos) rages(rnd *rand.Rand, s scope) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	begin := func(do func(*rand.Rand, <-chan struct{})) {
		rnd := rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64()))
		wg.Go(func() { do(rnd, stop) })
	}
	begin(c.spoil)
	begin(c.move)
	begin(c.purge)
	for range chaosClients {
		begin(c.ask)
	}
	kills := chaosKills
	if s.deep {
		kills = chaosKillsDeep
	}
	for range kills {
		time.Sleep(chaosLife)
		c.m.Kill()
		c.m.Restart()
	}
	time.Sleep(chaosLife)
	close(stop)
	c.heal()
	wg.Wait()
	c.set(chaosTag, c.data[chaosTag][0])
}

func (c *chaos) heal() {
	for _, u := range c.ups {
		u.Heal(faulty.All)
		u.Release()
	}
}

// chaosOver is longer than a breaker's longest cool-down by then, and what is
// remembered of a 404.
const chaosOver = 60 * time.Second

// recovers asks until every file comes right.
func (c *chaos) recovers() {
	for _, p := range c.paths() {
		for end := time.Now().Add(chaosOver); ; time.Sleep(100 * time.Millisecond) {
			r := rig.Get(c.m.URL(p))
			err := r.Right("", c.data[p][0])
			if err == nil && !r.Stale() {
				break
			}
			if time.Now().After(end) {
				c.t.Errorf("upstream is well again, but %s: %v: %s %.100q", p, err, r.How(), r.Body)
				break
			}
		}
	}
}
