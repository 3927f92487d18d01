package faults

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// killRounds is how often mirrord is killed under load.
const killRounds = 50

// clients asks for random objects in random forms until stop is closed.
func clients(t *testing.T, n int, rnd *rand.Rand, m *rig.Mirrord, want map[string][]byte, stop <-chan struct{}) *sync.WaitGroup {
	var wg sync.WaitGroup
	paths := sortedKeys(want)
	for range n {
		r := rand.New(rand.NewPCG(rnd.Uint64(), rnd.Uint64()))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := paths[r.IntN(len(paths))]
				field := ""
				if from := r.IntN(len(want[p])); r.IntN(3) == 0 {
					field = fmt.Sprintf("bytes=%d-%d", from, min(from+r.IntN(1<<20), len(want[p])-1))
				}
				reply := rig.Get(m.URL(p), fields(field)...)
				select {
				case <-stop:
					if reply.Err != nil {
						return // killed
					}
				default:
				}
				if err := reply.Right(field, want[p]); err != nil {
					t.Errorf("%s %s: %v; %.200q", p, field, err, reply.Body)
				}
			}
		})
	}
	return &wg
}

// seeds makes a source of randomness that a failure can be repeated with.
func seeds(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// TestKill kills mirrord at random moments while clients load more than its cache
// holds, so that fills, commits and evictions are all cut short.
func TestKill(t *testing.T) {
	rnd := seeds(t)
	u := faulty.New(t)
	want, debs := map[string][]byte{}, map[string][]byte{}
	for i, size := range []int{4 << 10, 64 << 10, 512 << 10, 1<<20 + 1, 3 << 20, 6 << 20, 16 << 20} {
		f, d := fmt.Sprintf("f%d.bin", i), fmt.Sprintf("pool/d%d.deb", i)
		want["files/"+f], debs[d] = rig.Content(uint64(300+i), size), rig.Content(uint64(400+i), size)
		want["apt/"+d] = debs[d]
		u.Set("/files/"+f, want["files/"+f])
	}
	a := rig.NewTree(debs)
	publish(u, "/apt", a)
	want["apt/"+rig.ReleasePath], want["apt/"+rig.PackagesPath] = a[rig.ReleasePath], a[rig.PackagesPath]
	u.Rate(24 << 20)
	m := rig.Start(t, rig.Config{Extra: "cache: {max_size: 32MiB, min_free: 0}\n", Repos: fmt.Sprintf(
		"- {name: apt, type: apt, fresh: 1s, upstreams: [%q]}\n- {name: files, type: generic, fresh: 1s, upstreams: [%q]}", u.URL+"/apt", u.URL+"/files")})
	for _, p := range []string{rig.ReleasePath, rig.PackagesPath} { // from here on the packages are vouched for
		if err := rig.Get(m.URL("apt", p)).Right("", a[p]); err != nil {
			t.Fatal(err)
		}
	}
	for round := range killRounds {
		stop := make(chan struct{})
		wg := clients(t, 4, rnd, m, want, stop)
		time.Sleep(time.Duration(20+rnd.IntN(600)) * time.Millisecond)
		close(stop)
		m.Kill()
		wg.Wait()
		m.Fsck(t)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		m.Restart()
	}
	u.Rate(0)
	for _, p := range sortedKeys(want) {
		if err := rig.Get(m.URL(p)).Right("", want[p]); err != nil {
			t.Errorf("at the end: %s: %v", p, err)
		}
	}
	m.Fsck(t)
}

// TestKillResumes kills mirrord in the middle of a long download, again and again.
// What was noted before, at the latest two seconds after it came, is not fetched
// anew, and the whole is right.
func TestKillResumes(t *testing.T) {
	const rate, size, kills = 3 << 20, 48 << 20, 4
	rnd := seeds(t)
	file, deb := rig.Content(500, size), rig.Content(501, size)
	u := faulty.New(t)
	u.Set("/files/f.bin", file)
	a := rig.NewTree(map[string][]byte{"pool/d.deb": deb})
	publish(u, "/apt", a)
	u.Rate(rate)
	m := rig.Start(t, rig.Config{Repos: fmt.Sprintf(
		"- {name: apt, type: apt, upstreams: [%q]}\n- {name: files, type: generic, upstreams: [%q]}", u.URL+"/apt", u.URL+"/files")})
	for _, p := range []string{rig.ReleasePath, rig.PackagesPath} {
		rig.Get(m.URL("apt", p))
	}
	want := map[string][]byte{"apt/pool/d.deb": deb, "files/f.bin": file}
	begun := map[string]int64{} // where the next fetch may begin at the earliest
	for range kills {
		u.Forget()
		var wg sync.WaitGroup
		for p := range want {
			wg.Go(func() { rig.Get(m.URL(p)) })
		}
		// A little after the first or second note of progress (each 2 s).
		time.Sleep(2800*time.Millisecond + time.Duration(rnd.IntN(1500))*time.Millisecond)
		m.Kill()
		wg.Wait()
		m.Fsck(t)
		m.Restart()
		for p := range want {
			begun[p] = resumed(t, u, p, begun[p], rate)
		}
	}
	u.Rate(0)
	for p, data := range want {
		u.Forget()
		r := rig.Get(m.URL(p))
		if sum := sha256.Sum256(r.Body); r.Err != nil || sum != sha256.Sum256(data) {
			t.Errorf("%s: %s", p, r.How())
		}
		resumed(t, u, p, begun[p], rate)
	}
	m.Fsck(t)
}

// resumed finds where the fetch of p began, fails the test where that is below
// before, and tells where the next may begin at the earliest: a second's worth of
// bytes further on.
func resumed(t *testing.T, u *faulty.Server, p string, before, rate int64) int64 {
	t.Helper()
	var asked []faulty.Request
	for _, r := range u.Requests() {
		if r.Path == "/"+p && r.Method == http.MethodGet {
			asked = append(asked, r)
		}
	}
	if len(asked) != 1 {
		t.Fatalf("%s: upstream was asked %v, expected one request", p, asked)
	}
	first, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(asked[0].Range, "bytes="), "-"), 10, 64)
	if first < before {
		t.Errorf("%s: fetched from %d, expected %d at least: the fetch before lasted over 2.8 s at %d bytes/s", p, first, before, rate)
	}
	if got := asked[0].IfRange; first > 0 && strings.HasPrefix(p, "files/") != (got != "") {
		t.Errorf("%s: Range with If-Range %q", p, got)
	}
	return first + rate
}
