package service

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mirrord/internal/faulty"
	"mirrord/test/rig"
)

// crowd are clients that ask without a pause, and fail the test where one is not given
// what it asked for.
type crowd struct {
	t         *testing.T
	wg        sync.WaitGroup
	stop      chan struct{}
	asked     atomic.Int64
	redirects atomic.Int64 // answers that sent a client to the process after
	slowest   atomic.Int64 // nanoseconds from asking to the last byte
}

// join adds a client. ask gives the path and the fields of its n-th request, and what
// the answer must be.
func (c *crowd) join(what string, client *http.Client, base string, ask func(n int) (path, field string, data []byte)) {
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		c.redirects.Add(1)
		if r.URL.Scheme == "http" { // it could be answered, and such clients need not follow
			c.t.Errorf("%s is sent on", what)
		}
		return nil
	}
	c.wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-c.stop:
				return
			default:
			}
			path, field, data := ask(n)
			var fields []string
			if field != "" {
				fields = []string{"Range", field}
			}
			r := rig.Do(client, http.MethodGet, base+path, fields...)
			c.asked.Add(1)
			if err := r.Right(field, data); err != nil {
				c.t.Errorf("%s, request %d: %v", what, n, err)
				return
			}
			if took := int64(r.Took); took > c.slowest.Load() {
				c.slowest.Store(took)
			}
		}
	})
}

// client makes one for the crowd.
func client(keepAlive, http2 bool, own rig.Certificate) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: own.Roots}, ForceAttemptHTTP2: http2,
		DisableKeepAlives: !keepAlive, DisableCompression: true, MaxIdleConnsPerHost: 1,
	}}
}

// TestRestartUnderLoad: five times another process takes over, while clients of every
// kind ask without a pause. No connection is refused, no answer broken or wrong; what
// is being fetched is fetched once; and a download of what is stored goes on over all
// five.
func TestRestartUnderLoad(t *testing.T) {
	up := faulty.New(t)
	small, large := rig.Content(1, 4000), rig.Content(2, 300_000)
	image := rig.Content(3, 48<<20) // more than client and kernel hold
	up.Set("/small", small)
	up.Set("/large", large)
	up.Set("/image", image)
	colds := make([][]byte, 8)
	for i := range colds {
		colds[i] = rig.Content(uint64(10+i), 200_000+i)
	}
	const most = 3000 // misses
	for n := range most {
		up.Set(fmt.Sprintf("/cold/%d", n), colds[n%len(colds)])
	}
	own := rig.NewCertificate(t, "mirror.test")
	secure := rig.FreeAddr(t)
	d := startDaemon(t, launch{
		config: fmt.Sprintf("listen_tls: [%q]\ntls: {cert: %s, key: %s}\nrepos:\n  %s", secure, own.Cert, own.Key, repo(up)),
		listen: rig.FreeAddr(t),
	}).answers()
	for path, data := range map[string][]byte{"/r/small": small, "/r/large": large, "/r/image": image} {
		if r := rig.Get(d.url(path)); r.Right("", data) != nil {
			t.Fatal(r.How())
		}
	}
	c := &crowd{t: t, stop: make(chan struct{})}
	plain, tls := d.url(""), "https://"+secure
	hit := func(path, field string, data []byte) func(int) (string, string, []byte) {
		return func(int) (string, string, []byte) { return path, field, data }
	}
	var cold atomic.Int64
	miss := func(int) (string, string, []byte) {
		n := int(cold.Add(1)) % most
		return fmt.Sprintf("/r/cold/%d", n), "", colds[n%len(colds)]
	}
	c.join("kept, hits", client(true, false, own), plain, hit("/r/small", "", small))
	c.join("new, hits", client(false, false, own), plain, hit("/r/small", "", small))
	c.join("new, large hits", client(false, false, own), plain, hit("/r/large", "", large))
	c.join("kept, ranges", client(true, false, own), plain, hit("/r/large", "bytes=1000-99999", large))
	c.join("kept, TLS", client(true, false, own), tls, hit("/r/large", "", large))
	c.join("new, TLS", client(false, false, own), tls, hit("/r/small", "", small))
	c.join("HTTP/2", client(true, true, own), tls, hit("/r/large", "", large))
	c.join("new, misses", client(false, false, own), plain, miss)
	c.join("HTTP/2, misses", client(true, true, own), tls, miss)
	long := d.begin("/r/image")
	for range 5 {
		time.Sleep(300 * time.Millisecond)
		t.Logf("nobody was answered for %v", d.restart())
	}
	time.Sleep(300 * time.Millisecond)
	close(c.stop)
	c.wg.Wait()
	t.Logf("%d requests, %d sent on, the slowest took %v", c.asked.Load(), c.redirects.Load(), time.Duration(c.slowest.Load()))
	long.whole("a download over all of them", image)
	for _, pid := range d.all[:5] {
		if code := d.ended(pid); code != 0 && code != reaped {
			t.Errorf("process %d: exit %d", pid, code)
		}
	}
	d.stop()
	d.fsck()
	for _, path := range []string{"/small", "/large", "/image"} {
		if n := up.Count(path); n != 1 {
			t.Errorf("upstream was asked for %s %d times", path, n)
		}
	}
	for n := range min(int(cold.Load()), most) {
		if path := fmt.Sprintf("/cold/%d", n); up.Count(path) > 1 {
			t.Errorf("upstream was asked for %s %d times", path, up.Count(path))
		}
	}
}

// TestRestartWaitsForMisses: what is being fetched when another process takes over ends
// first, and who comes meanwhile waits.
func TestRestartWaitsForMisses(t *testing.T) {
	up := faulty.New(t)
	data := rig.Content(1, 3<<20)
	up.Set("/f", data)
	up.Set("/g", data[:1000])
	d := startDaemon(t, launch{config: "drain: 20s\nrepos:\n  " + repo(up), listen: rig.FreeAddr(t)}).answers()
	up.Rate(1 << 20)
	coming := d.begin("/r/f")
	whole := make(chan struct{})
	go func() {
		coming.whole("the miss", data)
		close(whole)
	}()
	d.restart()
	<-whole
	if r := rig.Get(d.url("/r/f")); r.Right("", data) != nil || !r.Hit() {
		t.Error(r.How())
	}
	if n := up.Count("/f"); n != 1 {
		t.Errorf("upstream was asked %d times", n)
	}
	d.stop()
	d.fsck()
}

// TestRestartReads the configuration again, and refuses what it refuses at a start: then
// the old process goes on.
func TestRestartReads(t *testing.T) {
	up := faulty.New(t)
	up.Set("/f", rig.Content(1, 1000))
	config := "repos:\n  " + repo(up)
	d := startDaemon(t, launch{config: config, listen: rig.FreeAddr(t)}).answers()
	d.configure("reops: []\n")
	d.signal(syscall.SIGUSR2)
	eventually(t, "the refusal", func() bool { return strings.Contains(d.said(), "no other mirrord takes over") })
	if said := d.said(); !strings.Contains(said, `unknown key "reops"`) {
		t.Errorf("said %s", said)
	}
	if r := rig.Get(d.url("/r/f")); r.Status != http.StatusOK {
		t.Errorf("the old process: %s", r.How())
	}
	other := rig.FreeAddr(t)
	d.configure(fmt.Sprintf("listen: [%q]\n", other) + strings.Replace(config, "name: r,", "name: s,", 1))
	d.restart()
	for path, status := range map[string]int{"/s/f": http.StatusOK, "/r/f": http.StatusNotFound} {
		if r := rig.Get(d.url(path)); r.Status != status {
			t.Errorf("%s: %s", path, r.How())
		}
	}
	d.stop()
}

// TestRestartMoves: addresses of the configuration that are new are opened, and those
// that are gone are closed.
func TestRestartMoves(t *testing.T) {
	up := faulty.New(t)
	kept, gone, come := rig.FreeAddr(t), rig.FreeAddr(t), rig.FreeAddr(t)
	config := "listen: [%q, %q]\nrepos:\n  " + repo(up)
	d := startDaemon(t, launch{config: fmt.Sprintf(config, kept, gone)})
	d.addr = kept
	d.answers()
	d.configure(fmt.Sprintf(config, come, kept))
	d.restart()
	for addr, ok := range map[string]bool{kept: true, come: true, gone: false} {
		if r := rig.Get("http://" + addr + "/healthz"); (r.Status == http.StatusOK) != ok {
			t.Errorf("%s: %s", addr, r.How())
		}
	}
	d.stop()
}

// TestRestartOfWhatIsOnDisk: the program is the one that stands at its path now. One that
// cannot run changes nothing.
func TestRestartOfWhatIsOnDisk(t *testing.T) {
	up := faulty.New(t)
	bin := t.TempDir() + "/mirrord"
	text, err := os.ReadFile(rig.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	put := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(bin+".new", text, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(bin+".new", bin); err != nil {
			t.Fatal(err)
		}
	}
	put(text)
	d := startDaemon(t, launch{config: "repos:\n  " + repo(up), listen: rig.FreeAddr(t), wrap: []string{"/bin/sh", "-c", `shift; exec "$0" "$@"`, bin}}).answers()
	for n, broken := range []string{"#!/bin/sh\nexit 3\n", "#!/nowhere\n", "#!/bin/sh\necho take >&3\n"} {
		put([]byte(broken))
		d.signal(syscall.SIGUSR2)
		eventually(t, "the failure", func() bool { return strings.Count(d.said(), "no other mirrord takes over") == n+1 })
	}
	put(text)
	d.restart()
	d.answers()
	if old, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", d.pid)); err != nil || old != bin {
		t.Errorf("%s, %v", old, err)
	}
	d.stop()
}
