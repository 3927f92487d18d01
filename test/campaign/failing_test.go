package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/test/disk"
	"mirrord/test/rig"
)

// A patient is a mirrord whose disk fails, before an upstream that does not.
type patient struct {
	*witness
	m       *rig.Mirrord
	scratch string // a directory

	serial uint64 // of what was published last
	base   string // of a suite
	paths  []string
	path   string // of the last answer
	err    error  // what was wrong with an answer
}

// roomFor is how much its cache holds: less than it is asked for.
const roomFor = 400 << 10

func newPatient(t *testing.T, d *disk.Disk) *patient {
	p := &patient{witness: newWitness(t, d), scratch: scratch(t)}
	p.m = rig.Start(t, rig.Config{
		Data: d.Dir + "/data", Repos: p.repos(), Extra: fmt.Sprintf("cache: {max_size: %d, min_free: 0, abandoned: park}\n", roomFor),
	})
	for _, path := range p.republish("apt/a") {
		p.ask(path)
	}
	return p
}

// next publishes a new version.
func (p *patient) next(path string, size int) string {
	p.serial++
	p.publish(path, rig.Content(p.serial, size))
	return path
}

// republish publishes a suite, with another package than before.
func (p *patient) republish(base string) (paths []string) {
	p.serial++
	deb := fmt.Sprintf("pool/p%d.deb", p.serial)
	tree := rig.SmallTree(map[string][]byte{deb: rig.Content(p.serial, 20_000)})
	for _, path := range []string{rig.ReleasePath, rig.PackagesPath, deb} { // as apt asks
		paths = append(paths, base+"/"+path)
		p.publish(base+"/"+path, tree[path])
	}
	return paths
}

// ask has a client ask, who must get what was published, and all of it.
func (p *patient) ask(path string) rig.Reply {
	r := rig.Get(p.m.URL(path))
	if _, ok := p.which(path, r.Body); r.Err != nil || r.Status != 200 || !ok {
		p.err = errors.Join(p.err, fmt.Errorf("%s: %s: %.300q", path, r.How(), r.Body))
	} else if err := mislabels(r, path, r.Body); err != nil {
		p.err = errors.Join(p.err, fmt.Errorf("%s: %s: %w", path, r.How(), err))
	}
	p.path = path
	return r
}

// recoverFor is how long it may take until things are stored again.
const recoverFor = 5 * time.Second

// recovers asks for a path until it is stored.
func (p *patient) recovers(path string) {
	for end := time.Now().Add(recoverFor); p.err == nil; time.Sleep(20 * time.Millisecond) {
		r := p.ask(path)
		if r.Hit() || strings.Contains(r.Header.Get("Cache-Status"), "304") {
			return
		}
		if time.Now().After(end) {
			p.err = fmt.Errorf("%s: not stored afterwards: %s", path, r.How())
		}
	}
}

// A failure is what one operation, or from one on each, gets.
type failure struct {
	errno syscall.Errno
	lasts bool
}

var failures = []failure{
	{syscall.ENOSPC, false}, {syscall.ENOSPC, true}, {syscall.EIO, false}, {syscall.EIO, true}, {syscall.EROFS, true},
}

func (f failure) String() string {
	if f.lasts {
		return fmt.Sprintf("%v from", f.errno)
	}
	return fmt.Sprintf("%v at", f.errno)
}

// hits says which operations fail: a full disk can still remove.
func (f failure) hits(o disk.Op) bool {
	return o.Kind.Changes() && (f.errno != syscall.ENOSPC || o.Kind != disk.Remove)
}

// stride is how many operations are passed over between two that fail, where the test
// is not deep, or its time is up: which ones, chance says.
const stride = 6

// TestFailingDisk has each operation of each act fail, alone or with all that follow:
// the disk is full, or broken, or read-only. Clients get right bytes all the same, and
// when it is well again everything is stored as before.
func TestFailingDisk(t *testing.T) {
	rounds(t, func(t *testing.T, rnd *rand.Rand, s scope) {
		d, ok := disk.Mount(t, disk.NewTree())
		if !ok {
			return
		}
		p := newPatient(t, d)
		done := 0
		for _, i := range rnd.Perm(len(acts)) {
			for _, f := range failures {
				step := stride
				if s.all() {
					step = 1
				}
				for k := rnd.IntN(step); p.suffers(t, acts[i], f, k); k += step {
					done++
				}
			}
		}
		p.newest(t)
		if strings.Contains(p.m.Log(), "panic") {
			t.Error("mirrord panicked")
		}
		p.m.Fsck(t)
		t.Logf("%d operations failed", done)
	})
}

// suffers does an act in which operation k fails, and tells whether there was one.
func (p *patient) suffers(t *testing.T, a act, f failure, k int) bool {
	t.Helper()
	p.err = nil
	p.ask(p.next(fmt.Sprintf("files/before%d", p.serial), 2_000))
	p.recovers(p.path) // from the failure before
	if a.before != nil {
		a.before(p)
	}
	if p.err != nil {
		t.Fatalf("before %s: %v", a.name, p.err)
	}
	var at atomic.Int64
	var first atomic.Pointer[disk.Op]
	p.d.SetFault(func(o disk.Op) syscall.Errno {
		if !f.hits(o) {
			return 0
		}
		if n := int(at.Add(1)) - 1; n < k || n > k && !f.lasts {
			return 0
		}
		first.CompareAndSwap(nil, &o)
		return f.errno
	})
	a.do(p)
	p.d.SetFault(nil)
	op := first.Load()
	if p.err == nil && !a.later {
		p.recovers(p.path)
	}
	if p.err == nil {
		p.err = killedNow(p.d.Tree(), p.scratch)
	}
	if p.err != nil {
		t.Errorf("%s: %v %v: %v", a.name, f, op, p.err)
	}
	return op != nil && !t.Failed()
}

// killedNow says what fsck would find if mirrord were killed at this moment.
func killedNow(tree *disk.Tree, scratch string) error {
	dir, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := tree.WriteTo(dir); err != nil {
		return err
	}
	s, err := cache.Open(cache.Options{Dir: filepath.Join(dir, "data"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer s.Close()
	return faultless(s)
}

// newest waits until each suite and tag is served as it was published last.
func (p *patient) newest(t *testing.T) {
	t.Helper()
	for path, versions := range p.published() {
		if !strings.HasSuffix(path, rig.ReleasePath) && !strings.HasPrefix(path, tags) {
			continue
		}
		last := versions[len(versions)-1].data
		for end := time.Now().Add(recoverFor); !bytes.Equal(rig.Get(p.m.URL(path)).Body, last); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s: an older one is served", path)
				return
			}
		}
	}
}
