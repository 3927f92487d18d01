package memory

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"mirrord/test/memory/stored"
	"mirrord/test/rig"
)

const (
	// readyMost and storeResident are the bars for a store of a million.
	readyMost     = time.Second
	storeResident = 200 << 20
	hits          = 20_000
	// slower is how much longer a hit may take than with a thousand entries.
	slower = 1.5
)

// nobody is a repository whose upstream is not there, so each answer must come from
// the store.
const nobody = `- {name: r, type: generic, fresh: 24h, upstreams: ["http://127.0.0.1:9/"]}`

// start fills a directory and serves it.
func start(t testing.TB, e stored.Entries, c rig.Config) (m *rig.Mirrord, ready time.Duration) {
	t.Helper()
	begin := time.Now()
	c.Data = filepath.Join(t.TempDir(), "data")
	out, err := exec.Command(rig.BuildCommand(t, "mirrord/test/memory/fill"), c.Data, strconv.Itoa(e.All), strconv.Itoa(e.Files), strconv.Itoa(e.First)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	filledIn := time.Since(begin)
	m = rig.Start(t, c)
	m.Stop()
	begin = time.Now() // the first start had the binary built
	m.Restart()
	ready = time.Since(begin)
	t.Logf("%d entries: filled in %v, ready in %v", e.All, filledIn.Round(time.Millisecond), ready.Round(time.Millisecond))
	return m, ready
}

// TestMillionEntries: a store of a million starts at once, stays small, and its
// hits are as quick as those of a store of a thousand.
func TestMillionEntries(t *testing.T) {
	if !measurable(t) {
		return
	}
	many := stored.Entries{All: 1_000_000, Files: 4_000}
	few := stored.Entries{All: 1_000, Files: 1_000}
	// Most of the entries have no file, which a scrub would find.
	boundless := rig.Config{Repos: nobody, Extra: "cache: {max_size: 1TiB, min_free: 0, scrub: off}\n"}
	large, ready := start(t, many, boundless)
	small, _ := start(t, few, boundless)
	if ready > readyMost {
		t.Errorf("ready after %v, allowed %v", ready, readyMost)
	}
	// One request on each in turn, so that what else the machine does meets both.
	c, d := rig.NewClient(true), rig.NewClient(true)
	took := [2][]time.Duration{}
	resident := int64(0)
	for i := range hits {
		if i%200 == 0 {
			resident = max(resident, status(t, large.PID(), "VmRSS"))
		}
		took[0] = append(took[0], hit(t, c, large, many))
		took[1] = append(took[1], hit(t, d, small, few))
	}
	if t.Failed() {
		return
	}
	t.Logf("resident at most: %d MiB; at the end %d MiB anonymous, %d MiB of files", resident>>20, status(t, large.PID(), "RssAnon")>>20, status(t, large.PID(), "RssFile")>>20)
	if resident > storeResident {
		t.Errorf("%d MiB are resident, allowed %d", resident>>20, storeResident>>20)
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	a, b := took[0][hits/2], took[1][hits/2]
	t.Logf("median hit: %v of a million, %v of a thousand", a, b)
	if float64(a) > slower*float64(b) {
		t.Errorf("a hit takes %v, %.2f times that of a store of a thousand", a, float64(a)/float64(b))
	}
}

// hit asks for one of the files at random, none of those that go first.
func hit(t testing.TB, c *http.Client, m *rig.Mirrord, e stored.Entries) time.Duration {
	spared := e.First*e.Files/e.All + 1
	n := spared + rand.IntN(e.Files-spared)
	r := rig.Do(c, http.MethodGet, m.URL("r", e.Path(n)))
	if r.Status != 200 || !r.Hit() || !bytes.Equal(r.Body[:8], stored.Body(n)[:8]) {
		t.Errorf("%s: %s", e.Path(n), r.How())
	}
	return r.Took
}
