package memory

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/test/memory/stored"
	"mirrord/test/rig"
)

const (
	// wanted is how many objects one large one needs the room of.
	wanted = 50_000
	// hitClients ask for stored files meanwhile, one after the other each.
	hitClients = 4
	// moved is by how much an eviction may lengthen the slowest hundredth of the hits.
	moved = 2
)

// BenchmarkHitsWhileEvicting: in a store of a million objects, hits are as quick while
// others are evicted as while nothing happens.
func BenchmarkHitsWhileEvicting(b *testing.B) {
	all := stored.Entries{All: 1_000_000, Files: 4_000, First: 2 * wanted}
	size := int64(wanted * stored.Size)
	u := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.CopyN(w, new(generated), size)
	}))
	defer u.Close()
	m, _ := start(b, all, rig.Config{
		Repos: nobody + fmt.Sprintf("\n- {name: large, type: generic, upstreams: [%q]}", u.URL),
		Extra: fmt.Sprintf("cache: {max_size: %dB, min_free: 0, scrub: off}\n", all.All*stored.Size),
	})
	for settled := objects(b, m); ; {
		time.Sleep(2 * time.Second)
		before := settled
		if settled = objects(b, m); settled == before { // the room that is kept free is free
			break
		}
	}
	for b.Loop() {
		quietBefore := during(b, m, all, func() { time.Sleep(5 * time.Second) })
		took, before := time.Duration(0), objects(b, m)
		busy := during(b, m, all, func() { took = header(b, m.URL("large/large.bin")) })
		evicted := before - objects(b, m)
		quietAfter := during(b, m, all, func() { time.Sleep(5 * time.Second) })
		quiet := percentile(append(quietBefore, quietAfter...), 99)
		while := percentile(busy, 99)
		ratio := float64(while) / float64(quiet)
		b.Logf("%d objects went in %v (%d hits meanwhile); slowest hundredth of the hits: %v, else %v; median %v, else %v",
			evicted, took.Round(time.Millisecond), len(busy), while, quiet, percentile(busy, 50), percentile(quietBefore, 50))
		b.ReportMetric(float64(quiet.Microseconds()), "quiet-p99-µs")
		b.ReportMetric(float64(while.Microseconds()), "evicting-p99-µs")
		b.ReportMetric(ratio, "ratio")
		b.ReportMetric(float64(evicted)/took.Seconds(), "evicted/s")
		if ratio > moved {
			b.Errorf("evicting moves the slowest hundredth of the hits by %.1f, allowed %d", ratio, moved)
		}
	}
}

// during has clients ask for stored files until fn is through.
func during(b *testing.B, m *rig.Mirrord, e stored.Entries, fn func()) (all []time.Duration) {
	done := make(chan struct{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range hitClients {
		wg.Go(func() {
			var took []time.Duration
			for c := rig.NewClient(true); ; {
				select {
				case <-done:
					mu.Lock()
					all = append(all, took...)
					mu.Unlock()
					return
				default:
					took = append(took, hit(b, c, m, e))
				}
			}
		})
	}
	fn()
	close(done)
	wg.Wait()
	return all
}

// objects is how many mirrord says are stored.
func objects(b *testing.B, m *rig.Mirrord) int {
	b.Helper()
	var n float64
	r := rig.Get(m.URL("metrics"))
	for line := range strings.Lines(string(r.Body)) {
		fmt.Sscanf(line, "mirrord_cache_objects %g", &n)
	}
	if n == 0 {
		b.Fatalf("no number of objects in /metrics: %s", r.How())
	}
	return int(n)
}

// header asks for what there is no room for and waits until there is.
func header(b *testing.B, url string) time.Duration {
	begin := time.Now()
	resp, err := http.Get(url)
	if err != nil {
		b.Error(err)
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.Error(resp.Status)
	}
	return time.Since(begin)
}

func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[len(all)*p/100]
}
