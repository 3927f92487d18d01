package stream

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	herd       = 64
	objectSize = 64 << 20
	// The upstream's limit for one connection, and so 3.2 s for the object.
	rate = 20 << 20
	// spread is over what time the clients come.
	spread = time.Second
	// soon is how long after asking the first byte may come, on a machine that has
	// nothing else to do.
	soon = 50 * time.Millisecond
	// herdFor ends a test that hangs.
	herdFor = 2 * time.Minute
)

// joiner is one client and what became of it.
type joiner struct {
	from, to int // half-open
	first    time.Duration
	ref      time.Duration // a hit on a small object at the same moment
	err      error
}

// run asks and compares all that comes; nothing is kept, 64 times 64 MiB is more
// than some machines have.
func (j *joiner) run(url string, want [sha256.Size]byte) {
	client := rig.NewClient(false)
	ctx, cancel := context.WithTimeout(context.Background(), herdFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		j.err = err
		return
	}
	if j.to-j.from < objectSize {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", j.from, j.to-1))
	}
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		j.err = err
		return
	}
	defer resp.Body.Close()
	h := sha256.New()
	if _, j.err = io.CopyN(h, resp.Body, 1); j.err != nil {
		return
	}
	j.first = time.Since(start)
	n, err := io.CopyBuffer(h, struct{ io.Reader }{resp.Body}, make([]byte, 256<<10))
	if err != nil || int(n)+1 != j.to-j.from || [sha256.Size]byte(h.Sum(nil)) != want {
		j.err = fmt.Errorf("%d: %d bytes of %d, err %v, or wrong ones", resp.StatusCode, n+1, j.to-j.from, err)
	}
}

// reference is the time to the first byte of a hit on a small object.
func reference(url string) time.Duration {
	r := rig.Get(url)
	if r.Err != nil || !r.Hit() {
		return 0 // allows nothing
	}
	return r.First
}

// stampede lets the joiners loose, spread over the first second, and each beside
// one who wants the small object. It tells who waited too long for a
// first byte.
func (y *yard) stampede(t *testing.T, path string, joiners []*joiner) (slow []string) {
	t.Helper()
	m, sums := y.m, y.sums(joiners) // before anybody comes: to hash takes as long as to fetch
	var wg sync.WaitGroup
	for i, j := range joiners {
		want := sums[[2]int{j.from, j.to}]
		wg.Go(func() {
			time.Sleep(spread * time.Duration(i) / time.Duration(len(joiners)))
			var beside sync.WaitGroup
			beside.Go(func() { j.ref = reference(m.URL("r/small")) })
			j.run(m.URL("r"+path), want)
			beside.Wait()
		})
	}
	wg.Wait()
	var firsts, refs []time.Duration
	for i, j := range joiners {
		if j.err != nil {
			t.Errorf("client %d (%d-%d): %v", i, j.from, j.to, j.err)
		}
		firsts, refs = append(firsts, j.first), append(refs, j.ref)
	}
	slices.Sort(refs)
	slices.Sort(firsts)
	allowed := max(soon, refs[len(refs)-1]+soon)
	t.Logf("first byte: median %v, last %v; a hit beside it: median %v, last %v", firsts[len(firsts)/2], firsts[len(firsts)-1], refs[len(refs)/2], refs[len(refs)-1])
	for i, j := range joiners {
		if j.first > allowed {
			slow = append(slow, fmt.Sprintf("client %d (%d-%d): first byte after %v, allowed %v", i, j.from, j.to, j.first, allowed))
		}
	}
	return slow
}

// sums are of what the joiners want, by where that begins and ends.
func (y *yard) sums(joiners []*joiner) map[[2]int][sha256.Size]byte {
	sums := map[[2]int][sha256.Size]byte{}
	for _, j := range joiners {
		at := [2]int{j.from, j.to}
		if _, ok := sums[at]; !ok {
			sums[at] = sha256.Sum256(y.data[j.from:j.to])
		}
	}
	return sums
}

// tries of what is timed. A machine with other things to do makes clients wait
// now and then; a mirrord that does so makes them wait each time.
const tries = 8

// timely has one of some tries be without anybody who waited too long. Each try is
// with an object that is cold; the contents and the requests are judged in all.
func (y *yard) timely(t *testing.T, try func(path string) (late []string)) {
	t.Helper()
	for i := 0; i < tries && !t.Failed(); i++ {
		path := fmt.Sprintf("/big%d", i)
		y.u.Set(path, y.data)
		late := try(path)
		if len(late) == 0 {
			return
		}
		t.Logf("try %d: %s", i, strings.Join(late, "; "))
	}
	if !t.Failed() {
		t.Error("in each try somebody waited too long")
	}
}

// yard is where the herd meets.
type yard struct {
	u    *faulty.Server
	m    *rig.Mirrord
	data []byte
}

func newYard(t *testing.T) *yard {
	y := &yard{u: faulty.New(t), data: rig.Content(1, objectSize)}
	y.u.Set("/small", rig.Content(2, 4<<10))
	y.m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: r, type: generic, fresh: 1h, upstreams: [%q]}", y.u.URL)})
	if r := rig.Get(y.m.URL("r/small")); r.Status != 200 {
		t.Fatal(r.How())
	}
	y.u.Rate(rate)
	y.u.Forget()
	return y
}

// received is how many bytes mirrord has taken from upstream until now.
func (y *yard) received(t *testing.T) (n float64) {
	t.Helper()
	r := rig.Get(y.m.URL("metrics"))
	for line := range strings.Lines(string(r.Body)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), "} "); strings.HasPrefix(name, "mirrord_upstream_received_bytes_total{") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Error(err)
			}
			return n
		}
	}
	t.Errorf("metrics do not tell what upstream has brought: %s", r.How())
	return 0
}

// asked holds the requests that reached upstream, in any order, against want.
func (y *yard) asked(t *testing.T, want []string) {
	t.Helper()
	got := y.u.Lines()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("upstream was asked\n  %s\nexpected\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestHerd: one request brings the object for all.
func TestHerd(t *testing.T) {
	y := newYard(t)
	y.timely(t, func(path string) (late []string) {
		y.u.Forget()
		var joiners []*joiner
		for range herd {
			joiners = append(joiners, &joiner{to: objectSize})
		}
		late = y.stampede(t, path, joiners)
		y.asked(t, []string{"GET " + path + " -> 200"})
		if sent := y.u.Sent(path); sent != objectSize {
			t.Errorf("upstream sent %d bytes, expected %d", sent, objectSize)
		}
		return late
	})
	y.m.Fsck(t)
}

// TestHerdInTheMiddle: who asks for what is far from having come gets a request of
// its own, which brings that part for all.
func TestHerdInTheMiddle(t *testing.T) {
	y := newYard(t)
	places := []int{13 << 20, 26 << 20, 39 << 20, 52 << 20}
	y.timely(t, func(path string) (late []string) {
		y.u.Forget()
		before := y.received(t)
		var joiners []*joiner
		for i := range herd {
			j := &joiner{to: objectSize}
			if i%2 == 1 {
				j.from = places[i/2%len(places)]
				j.to = j.from + 2<<20
			}
			joiners = append(joiners, j)
		}
		late = y.stampede(t, path, joiners)
		want := []string{"GET " + path + " -> 200"}
		for _, p := range places {
			want = append(want, fmt.Sprintf("GET %s bytes=%d- -> 206", path, p))
		}
		y.asked(t, want)
		// Where two fetches meet one read of it may come twice. How much more upstream has
		// sent by then lies in the kernel's buffers, and is the machine's business.
		if n := y.received(t) - before; n < objectSize || n > 1.02*objectSize {
			t.Errorf("mirrord took %.0f bytes from upstream, %.3f times the object", n, n/objectSize)
		}
		return late
	})
	y.m.Fsck(t)
}
