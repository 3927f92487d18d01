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
	chaosFor     = 8 * time.Second
	chaosForDeep = 40 * time.Second
	chaosClients = 8
	chaosFiles   = 6 // of each kind
)

// honest are faults after which every byte that comes is one of upstream's, under a
// status or framing that tells.
var honest = []func(rnd *rand.Rand, size int64) faulty.Fault{
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Cut(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Reset(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Stall(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault {
		return faulty.Chunked().And(faulty.Cut(rnd.Int64N(size)))
	},
	func(rnd *rand.Rand, _ int64) faulty.Fault {
		return faulty.Delay(time.Duration(rnd.IntN(300)) * time.Millisecond)
	},
	func(rnd *rand.Rand, _ int64) faulty.Fault {
		return faulty.Status([]int{403, 404, 429, 500, 502, 503}[rnd.IntN(6)])
	},
	func(*rand.Rand, int64) faulty.Fault { return faulty.Hang() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Drop() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.IgnoreRange() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.IgnoreIfRange() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.ContentRange("bytes 5-104/9999").Ranged() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.ContentRange("").Ranged() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Partial() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Unavailable(1) },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Redirect("http://127.0.0.1:9/elsewhere") },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Gzip() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Chunked() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.CloseDelimited() },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Header("Etag", "") },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Pass() },
}

// lies are faults that nobody can tell who has no digest to go by.
var lies = []func(rnd *rand.Rand, size int64) faulty.Fault{
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Corrupt(rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Shift(1 + rnd.Int64N(size-1)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Length(1 - rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault { return faulty.Length(1 + rnd.Int64N(size)) },
	func(rnd *rand.Rand, size int64) faulty.Fault {
		return faulty.CloseDelimited().And(faulty.Cut(rnd.Int64N(size)))
	},
	func(*rand.Rand, int64) faulty.Fault {
		return faulty.CloseDelimited().And(faulty.Append([]byte("more")))
	},
	func(*rand.Rand, int64) faulty.Fault { return faulty.Append([]byte("more")) },
	func(*rand.Rand, int64) faulty.Fault { return faulty.Label("gzip") },
	func(*rand.Rand, int64) faulty.Fault {
		return faulty.Page("text/html", []byte("<html>log in first</html>"))
	},
}

// chaos is two upstreams that do all of it, and a mirrord before them.
type chaos struct {
	t    *testing.T
	ups  []*faulty.Server
	m    *rig.Mirrord
	data map[string][]byte // by path below mirrord

	right, broken, refused atomic.Int64 // answers
}

func newChaos(t *testing.T) *chaos {
	c := &chaos{t: t, ups: []*faulty.Server{faulty.New(t), faulty.New(t)}, data: map[string][]byte{}}
	debs := map[string][]byte{}
	for i := range chaosFiles {
		size := 1_000 << (2 * i) // up to a megabyte
		debs[fmt.Sprintf("pool/p%d.deb", i)] = rig.Content(uint64(100+i), size)
		c.data[fmt.Sprintf("files/f%d", i)] = rig.Content(uint64(200+i), size)
	}
	for p, data := range rig.NewTree(debs) {
		c.data["apt/"+p] = data
	}
	for _, u := range c.ups {
		for p, data := range c.data {
			u.Set("/"+p, data)
		}
	}
	urls := func(below string) string {
		return fmt.Sprintf("[%q, %q]", c.ups[0].URL+below, c.ups[1].URL+below)
	}
	c.m = rig.Start(t, rig.Config{
		Extra: "cache: {max_size: 2MiB, min_free: 0}\nupstream: {connect_timeout: 1s, header_timeout: 1s, idle_timeout: 1s}\n",
		Repos: "- {name: files, type: generic, fresh: 0s, upstreams: " + urls("/files") + "}\n- {name: apt, type: apt, fresh: 0s, upstreams: " + urls("/apt") + "}",
	})
	return c
}

// paths are those of the files, in order.
func (c *chaos) paths() []string { return slices.Sorted(maps.Keys(c.data)) }

// spoil queues faults until stop is closed.
func (c *chaos) spoil(rnd *rand.Rand, stop <-chan struct{}) {
	paths := c.paths()
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(10+rnd.IntN(60)) * time.Millisecond):
		}
		p := paths[rnd.IntN(len(paths))]
		list := honest
		if strings.HasPrefix(p, "apt/pool/") || p == "apt/"+rig.PackagesPath {
			list = slices.Concat(honest, lies)
		}
		f := list[rnd.IntN(len(list))](rnd, int64(len(c.data[p])))
		if rnd.IntN(4) == 0 {
			f = f.Times(1 + rnd.IntN(3))
		}
		u := c.ups[rnd.IntN(len(c.ups))]
		u.Heal("/" + p) // what was not met by now is forgotten
		u.Fail("/"+p, f)
	}
}

// ask has clients ask for whole files and their ends until stop is closed. What an
// index vouches for may break off or be refused; it never ends cleanly and wrong.
func (c *chaos) ask(rnd *rand.Rand, stop <-chan struct{}) {
	paths := c.paths()
	for {
		select {
		case <-stop:
			return
		default:
		}
		p := paths[rnd.IntN(len(paths))]
		data, field := c.data[p], ""
		switch rnd.IntN(4) {
		case 0:
			field = fmt.Sprintf("bytes=%d-", rnd.IntN(len(data)))
		case 1:
			field = fmt.Sprintf("bytes=-%d", 1+rnd.IntN(len(data)))
		}
		var fields []string
		if field != "" {
			fields = []string{"Range", field}
		}
		r := rig.Get(c.m.URL(p), fields...)
		switch err := r.Right(field, data); {
		case err == nil:
			c.right.Add(1)
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
	rounds(t, func(t *testing.T, rnd *rand.Rand, deep bool) {
		c := newChaos(t)
		for p, data := range c.data {
			if err := rig.Get(c.m.URL(p)).Right("", data); err != nil {
				t.Fatalf("%s: %v", p, err)
			}
		}
		before, err := takeVitals(c.m)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		spoiler := rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64()))
		wg.Go(func() { c.spoil(spoiler, stop) })
		for range chaosClients {
			rnd := rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64()))
			wg.Go(func() { c.ask(rnd, stop) })
		}
		if deep {
			time.Sleep(chaosForDeep)
		} else {
			time.Sleep(chaosFor)
		}
		close(stop)
		c.heal()
		wg.Wait()
		t.Logf("%d answers were right, %d broke off, %d were refused; upstream was asked %d times",
			c.right.Load(), c.broken.Load(), c.refused.Load(), len(c.ups[0].Requests())+len(c.ups[1].Requests()))
		c.recovers()
		calms(t, c.m, before, len(c.data))
		if strings.Contains(c.m.Log(), "panic") {
			t.Error("mirrord panicked")
		}
		c.m.Fsck(t)
	})
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
			err := r.Right("", c.data[p])
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
