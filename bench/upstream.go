package main

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// herdRate is what the origin gives of a herd object on one connection, bytes/s.
const herdRate = 20e6

// upstream is one server's origin: the repository below /debian/, and the same
// files as blobs below /v2/, each request counted. Every server has its own, so that
// the counts need no reset between them.
type upstream struct {
	URL      string // of the repository
	Registry string // of the registry: what stands before /v2/

	repo  *repository
	rates map[string]float64 // of objects that have one, by path; fixed once made
	blobs map[string]string  // path by digest; fixed once made
	srv   *http.Server

	mu     sync.Mutex
	counts map[string]count // by path
}

// count is what was asked and given of one path.
type count struct {
	Requests int64 // of any method
	Heads    int64 // those of them that asked for no body
	Bytes    int64 // of bodies
	Active   int   // answers under way
}

func startUpstream(repo *repository) (*upstream, error) {
	ln, err := listen()
	if err != nil {
		return nil, err
	}
	u := &upstream{
		URL:      "http://" + ln.Addr().String() + "/debian",
		Registry: "http://" + ln.Addr().String(),
		repo:     repo,
		rates:    make(map[string]float64),
		blobs:    make(map[string]string),
		counts:   make(map[string]count),
	}
	for _, o := range repo.objects() {
		u.rates[o.Path] = o.Rate
		u.blobs[o.digest()] = o.Path
	}
	u.srv = &http.Server{Handler: u.routes(), ReadHeaderTimeout: 10 * time.Second}
	go u.srv.Serve(ln) //nolint:errcheck // it ends by Close
	return u, nil
}

func (u *upstream) Close() error { return u.srv.Close() }

func (u *upstream) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/debian/", http.StripPrefix("/debian/", http.HandlerFunc(u.serveFile)))
	mux.HandleFunc("/v2/{$}", u.serveRegistry)
	mux.HandleFunc("/v2/"+blobRepository+"/blobs/{digest}", u.serveBlob)
	return mux
}

func (u *upstream) serveFile(w http.ResponseWriter, r *http.Request) {
	u.serve(w, r, path.Clean(r.URL.Path))
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request, name string) {
	asked := count{Requests: 1, Active: 1}
	if r.Method == http.MethodHead {
		asked.Heads = 1
	}
	u.add(name, asked)
	defer u.add(name, count{Active: -1})
	f, err := os.Open(filepath.Join(u.repo.Dir, filepath.FromSlash(path.Clean("/"+name))))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || fi.IsDir() {
		http.NotFound(w, r)
		return
	}
	paced := &pacedWriter{ResponseWriter: w, up: u, name: name, r: r, start: time.Now(), rate: u.rates[name]}
	if w.Header().Get("ETag") == "" {
		w.Header().Set("ETag", `"`+fi.ModTime().UTC().Format("20060102150405.000000000")+`"`)
	}
	http.ServeContent(paced, r, name, fi.ModTime(), f)
}

func (u *upstream) add(name string, more count) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.counts[name]
	u.counts[name] = count{c.Requests + more.Requests, c.Heads + more.Heads, c.Bytes + more.Bytes, c.Active + more.Active}
}

// count is what a path has cost so far.
func (u *upstream) count(name string) count {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.counts[name]
}

// pacedWriter counts the body and holds it to a rate. On HTTP/1.1 a connection
// carries one answer at a time, so a limit on the answer is one on the connection.
type pacedWriter struct {
	http.ResponseWriter
	up    *upstream
	name  string
	r     *http.Request
	start time.Time
	rate  float64 // bytes/s; 0 is without limit
	n     int64
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	n, err := p.ResponseWriter.Write(b)
	p.n += int64(n)
	p.up.add(p.name, count{Bytes: int64(n)})
	if err != nil || p.rate == 0 {
		return n, err
	}
	due := p.start.Add(time.Duration(float64(p.n) / p.rate * float64(time.Second)))
	select {
	case <-time.After(time.Until(due)):
		return n, nil
	case <-p.r.Context().Done():
		return n, p.r.Context().Err()
	}
}
