package mirror

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/faulty"
	"mirrord/internal/repo/apt"
	"mirrord/internal/repo/generic"
	"mirrord/internal/repo/rpm"
	"mirrord/internal/upstream"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a mirror with its store and a clock of its own.
type house struct {
	t     testing.TB
	dir   string
	store *cache.Store
	m     *Mirror
	ups   []*faulty.Server
	clock atomic.Int64 // nanoseconds to add

	offline bool          // as of the next start
	history time.Duration // of deb, as of the next start
	scrub   int64         // bytes a second, as of the next start
	maxSize int64         // of the store, as of the next start
}

// newHouse starts one upstream a name and a mirror with the repositories "deb",
// "rpm" and "files" on them.
func newHouse(t testing.TB, upstreams int) *house {
	h := &house{t: t, dir: t.TempDir()}
	for range upstreams {
		h.ups = append(h.ups, faulty.New(t))
	}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *house) openStore() {
	h.t.Helper()
	var err error
	if h.store, err = cache.Open(cache.Options{Dir: h.dir, Now: h.now, MaxSize: h.maxSize}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) start() {
	h.t.Helper()
	h.openStore()
	tr := upstream.NewTransport(upstream.Options{Now: h.now, Offline: h.offline})
	h.t.Cleanup(tr.Close)
	var bases []*url.URL
	for _, u := range h.ups {
		base, _ := url.Parse("http://" + u.Host())
		bases = append(bases, base)
	}
	group := func(name string) *upstream.Group {
		return upstream.NewGroup(upstream.Config{Name: name, Mirrors: bases, Timeouts: upstream.Timeouts{Header: 8 * time.Second}}, tr)
	}
	var err error
	h.m, err = New(Options{Store: h.store, Now: h.now, Scrub: h.scrub, Repos: []Config{
		{Name: "deb", Adapter: apt.Adapter{}, Upstream: group("deb"), Fresh: time.Minute, History: h.history},
		{Name: "rpm", Adapter: rpm.Adapter{}, Upstream: group("rpm"), Fresh: time.Minute},
		{Name: "files", Adapter: generic.Adapter{}, Upstream: group("files"), Fresh: time.Minute},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) stop() {
	h.m.Close()
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *house) now() time.Time          { return time.Now().Add(time.Duration(h.clock.Load())) }
func (h *house) advance(d time.Duration) { h.clock.Add(int64(d)) }

// open asks for a path of "deb" as client.
func (h *house) open(client *Client, p string) (*Answer, error) {
	return h.m.Open(h.t.Context(), Request{Repo: "deb", Path: p, Client: client})
}

// read fails the test where p cannot be had, and returns its bytes.
func (h *house) read(client *Client, p string) (string, *Answer) {
	h.t.Helper()
	a, err := h.open(client, p)
	if err != nil {
		h.t.Fatalf("%s: %v", p, err)
	}
	defer a.Close()
	data, err := io.ReadAll(a)
	if err != nil {
		h.t.Fatalf("%s: %v", p, err)
	}
	return string(data), a
}

// wants fails the test where p is not want.
func (h *house) wants(client *Client, p, want string) *Answer {
	h.t.Helper()
	got, a := h.read(client, p)
	if got != want {
		h.t.Fatalf("%s is %.60q, expected %.60q", p, got, want)
	}
	return a
}

// asked lists the GETs that the first upstream had since the last call.
func (h *house) asked() []string {
	var out []string
	for _, r := range h.ups[0].Requests() {
		if r.Method == "GET" {
			out = append(out, fmt.Sprintf("%s %d", strings.TrimPrefix(r.Path, "/"), r.Status))
		}
	}
	h.ups[0].Forget()
	slices.Sort(out)
	return out
}

// archive is one state of an apt repository with one suite.
type archive struct {
	files  map[string]string // by path
	byHash bool
}

const suite = "dists/s"

// newArchive has packages of the given version, and the indexes for them.
func newArchive(version string, packages ...string) *archive {
	a := &archive{files: make(map[string]string)}
	var index strings.Builder
	for _, name := range packages {
		p := fmt.Sprintf("pool/main/%s/%s_%s_amd64.deb", name, name, version)
		a.files[p] = strings.Repeat(name+version+"\n", 2000)
		fmt.Fprintf(&index, "Package: %s\nVersion: %s\nFilename: %s\nSize: %d\nSHA256: %x\n\n",
			name, version, p, len(a.files[p]), sha256.Sum256([]byte(a.files[p])))
	}
	a.files[suite+"/main/binary-amd64/Packages"] = index.String()
	a.files[suite+"/main/binary-amd64/Packages.gz"] = zip(index.String())
	return a
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// seal writes the Release over what lies in the suite.
func (a *archive) seal(date time.Time) *archive {
	var b strings.Builder
	fmt.Fprintf(&b, "Origin: test\nSuite: s\nDate: %s\n", date.UTC().Format(time.RFC1123))
	if a.byHash {
		b.WriteString("Acquire-By-Hash: yes\n")
	}
	b.WriteString("SHA256:\n")
	var names []string
	for p := range a.files {
		if rest, ok := strings.CutPrefix(p, suite+"/"); ok && !strings.Contains(rest, "by-hash/") && rest != "Release" {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		data := a.files[path.Join(suite, n)]
		fmt.Fprintf(&b, " %x %d %s\n", sha256.Sum256([]byte(data)), len(data), n)
		if a.byHash {
			a.files[path.Join(suite, path.Dir(n), "by-hash/SHA256", fmt.Sprintf("%x", sha256.Sum256([]byte(data))))] = data
		}
	}
	a.files[suite+"/Release"] = b.String()
	return a
}

// publish puts the archive's files on an upstream, all or those with a prefix.
func (a *archive) publish(u *faulty.Server, prefixes ...string) {
	for p, data := range a.files {
		if len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(pre string) bool { return strings.HasPrefix(p, pre) }) {
			u.Set("/"+p, []byte(data))
		}
	}
}

func (a *archive) deb(name, version string) (p, data string) {
	p = fmt.Sprintf("pool/main/%s/%s_%s_amd64.deb", name, name, version)
	return p, a.files[p]
}

var (
	monday  = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	tuesday = monday.Add(24 * time.Hour)
)

const (
	release    = suite + "/Release"
	packagesGz = suite + "/main/binary-amd64/Packages.gz"
)

func sum(s string) [32]byte { return sha256.Sum256([]byte(s)) }

var signer = sync.OnceValues(func() (*openpgp.Entity, error) {
	return openpgp.NewEntity("test", "", "test@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
})

// clearsigned is text as the body of an InRelease.
func (h *house) clearsigned(text string) string {
	h.t.Helper()
	key, err := signer()
	if err != nil {
		h.t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := clearsign.Encode(&b, key.PrivateKey, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}
