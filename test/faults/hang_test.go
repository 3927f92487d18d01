package faults

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

const (
	// waitMost is the 3 s that a client who could be served stale may wait for an
	// upstream that hangs, and what a busy machine adds.
	waitMost = 4500 * time.Millisecond
	// atOnce is far from 3 s.
	atOnce = 500 * time.Millisecond
)

// hanging is a mirrord that has served what it has once; from then on nothing
// is fresh.
func hanging(t *testing.T) (u *faulty.Server, m *rig.Mirrord, want map[string][]byte) {
	u = faulty.New(t)
	a := rig.NewTree(map[string][]byte{"pool/a.deb": rig.Content(7, 1000)})
	publish(u, "/apt", a)
	u.Set("/files/x.bin", rig.Content(8, 5000))
	m = rig.Start(t, rig.Config{Repos: fmt.Sprintf("- {name: apt, type: apt, fresh: 0s, upstreams: [%q]}\n- {name: files, type: generic, fresh: 0s, upstreams: [%q]}",
		u.URL+"/apt", u.URL+"/files")})
	want = map[string][]byte{"apt/" + rig.ReleasePath: a[rig.ReleasePath], "files/x.bin": rig.Content(8, 5000)}
	for p, data := range want {
		if r := rig.Get(m.URL(p)); r.Right("", data) != nil {
			t.Fatalf("%s: %s", p, r.How())
		}
	}
	return u, m, want
}

// stale asks and says what is wrong with an answer that must be what was there.
func stale(m *rig.Mirrord, p string, data []byte, within time.Duration) error {
	r := rig.Get(m.URL(p))
	switch {
	case r.Err != nil, r.Status != 200, !bytes.Equal(r.Body, data):
		return fmt.Errorf("%s: %s, %.200q", p, r.How(), r.Body)
	case !r.Stale():
		return fmt.Errorf("%s: not labelled stale: %s", p, r.How())
	case r.Took > within:
		return fmt.Errorf("%s: took %v, expected at most %v: %s", p, r.Took, within, r.How())
	}
	return nil
}

// TestHangCostsOnce: whoever is first waits three seconds at most, with all who
// ask meanwhile; from then on nobody waits while upstream hangs.
func TestHangCostsOnce(t *testing.T) {
	u, m, want := hanging(t)
	u.Fail(faulty.All, faulty.Hang().Always())
	var wg sync.WaitGroup
	for p, data := range want {
		for i := range 5 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 200 * time.Millisecond)
				if err := stale(m, p, data, waitMost); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	// Long enough for the breaker's cool-downs (1 s, 2 s, 4 s) to end several times.
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(150 * time.Millisecond) {
		for p, data := range want {
			if err := stale(m, p, data, atOnce); err != nil {
				t.Error(err)
			}
		}
	}
	if n := len(u.Requests()); n > 40 {
		t.Errorf("%d requests reached an upstream that hangs", n)
	}
	u.Heal(faulty.All)
	u.Release()
	fresh(t, m, want)
	m.Fsck(t)
}

// fresh waits until upstream is asked again: the longest cool-down by now is 8 s.
func fresh(t *testing.T, m *rig.Mirrord, want map[string][]byte) {
	t.Helper()
	for p, data := range want {
		for end := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
			r := rig.Get(m.URL(p))
			if r.Right("", data) == nil && !r.Stale() {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: upstream is well again, but: %s", p, r.How())
			}
		}
	}
}

// TestDownIsStaleAtOnce: a refused connection costs no wait.
func TestDownIsStaleAtOnce(t *testing.T) {
	u, m, want := hanging(t)
	u.Down()
	for range 3 {
		for p, data := range want {
			// Three rounds with pauses of 0.2 s and 0.6 s come first, once.
			if err := stale(m, p, data, 2*time.Second); err != nil {
				t.Error(err)
			}
		}
	}
	r := rig.Get(m.URL("files/never-seen"))
	if r.Status != 503 || r.Header.Get("Retry-After") == "" || !strings.Contains(string(r.Body), u.Host()) {
		t.Errorf("a file that is not here while upstream is down: %s %q", r.How(), r.Body)
	}
	m.Restart()
	for p, data := range want {
		if err := stale(m, p, data, 2*time.Second); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
	m.Fsck(t)
}
