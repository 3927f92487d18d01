package campaign

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"mirrord/internal/cache"
	"mirrord/internal/digest"
	"mirrord/internal/faulty"
	"mirrord/test/disk"
	"mirrord/test/rig"
)

// A version is bytes that upstream had under a name.
type version struct {
	data []byte
	meta cache.Meta
}

// An ack says that from that place of the history on a name's version was stored, as
// far as a client could tell, until somebody purged it.
type ack struct {
	at, until int
	name      string
	version   int
}

// A note says that from that place on as many bytes of a download that was left
// were noted, in that file, until somebody asked for it again.
type note struct {
	at, until int
	name      string
	node      disk.ID
	bytes     int64
}

// A witness is upstream and client at once: it knows what was published, and what
// mirrord has given as stored.
type witness struct {
	tb testing.TB
	u  *faulty.Server
	d  *disk.Disk

	mu       sync.Mutex
	versions map[string][]version // by path below mirrord; guarded by mu
	acks     []*ack               // guarded by mu
	notes    []*note              // guarded by mu
}

func newWitness(tb testing.TB, d *disk.Disk) *witness {
	return &witness{tb: tb, u: faulty.New(tb), d: d, versions: map[string][]version{}}
}

// publish makes data what upstream has at path from now on.
func (w *witness) publish(path string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.u.Set("/"+path, data, labels(path, data)...)
	w.versions[path] = append(w.versions[path], version{data: data})
}

// published are the versions of all paths.
func (w *witness) published() map[string][]version {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.versions)
}

// get fetches a path, which must come whole and be what upstream has or had; what is
// said to be stored is noted.
func (w *witness) get(m *rig.Mirrord, path string) rig.Reply {
	w.tb.Helper()
	w.asks(path)
	r := rig.Get(m.URL(path))
	v, ok := w.which(path, r.Body)
	if r.Err != nil || r.Status != 200 || !ok {
		w.tb.Errorf("%s: %s: %.200q", path, r.How(), r.Body)
		return r
	}
	if err := mislabels(r, path, r.Body); err != nil {
		w.tb.Errorf("%s: %s: %v", path, r.How(), err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[path][v].meta = cache.Meta{ETag: r.Header.Get("Etag"), LastModified: r.Header.Get("Last-Modified"), ContentType: r.Header.Get("Content-Type")}
	if status := r.Header.Get("Cache-Status"); strings.Contains(status, "stored") || r.Hit() || strings.Contains(status, "304") {
		w.acks = append(w.acks, &ack{w.d.Len(), math.MaxInt, path, v})
	}
	return r
}

// asks ends what notes say of a path.
func (w *witness) asks(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notes {
		if n.name == path {
			n.until = min(n.until, w.d.Len())
		}
	}
}

// purged says that a path is about to be purged.
func (w *witness) purged(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.acks {
		if a.name == path {
			a.until = min(a.until, w.d.Len())
		}
	}
}

// which version of path the bytes are, the newest first.
func (w *witness) which(path string, data []byte) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.versions[path]) - 1; i >= 0; i-- {
		if bytes.Equal(w.versions[path][i].data, data) {
			return i, true
		}
	}
	return 0, false
}

// expect is what must hold of the disk after a cut.
type expect struct {
	acked map[string]version // by path: what was given as stored last, and was not evicted since
	noted map[string]int64   // by path: what is not to be fetched again
	key   int                // tells expectations apart
}

// blobs is where objects are, below the disk's root.
const blobs = "data/blobs/sha256/"

// expects works out what must hold when n operations were done.
func (w *witness) expects(log []disk.Op, n int) expect {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := expect{acked: map[string]version{}, noted: map[string]int64{}}
	evicted := map[digest.Digest]int{} // where an eviction last began
	for i, o := range log[:n] {
		if o.Kind == disk.Rename && strings.HasPrefix(o.Path, blobs) {
			if d, err := digest.New(digest.SHA256, o.Name); err == nil {
				evicted[d] = i
				e.key++
			}
		}
	}
	for _, a := range w.acks {
		if a.at > n {
			break
		}
		e.key++
		v := w.versions[a.name][a.version]
		e.acked[a.name] = v
		if at, ok := evicted[digest.Of(v.data)]; ok && at >= a.at || n > a.until {
			delete(e.acked, a.name)
		}
	}
	for i, note := range w.notes {
		if note.at <= n && n <= note.until && !note.void(log[note.at:n]) {
			e.noted[note.name] = note.bytes
			e.key += 1000 << i
		}
	}
	return e
}

// void reports that the file was given up.
func (n *note) void(log []disk.Op) bool {
	return slices.ContainsFunc(log, func(o disk.Op) bool {
		return o.Node == n.node && (o.Kind == disk.Remove || o.Kind == disk.Truncate)
	})
}
