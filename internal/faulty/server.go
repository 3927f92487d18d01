package faulty

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// All stands for every path in Fail and Heal.
const All = "*"

// epoch is the Last-Modified of the first version of anything; each Set is a
// minute younger than the one before, so that dates in whole seconds differ.
var epoch = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// A Server answers on loopback until its test ends.
type Server struct {
	URL string // scheme://127.0.0.1:port; stays the same over Down and Up

	tb   testing.TB
	addr string
	tls  bool

	mu       sync.Mutex // guards all below; never held while writing to a client
	srv      *httptest.Server
	files    map[string]file
	faults   map[string][]*Fault
	log      []*Request
	rate     int64             // bytes a second for each answer, 0 unlimited
	released chan struct{}     // closed by Release: wakes what stalls now
	versions int               // counts Sets
	raw      map[net.Conn]bool // taken over from net/http, ours to close

	handlers sync.WaitGroup
}

type file struct {
	data     []byte
	etag     string
	modified time.Time
	mime     string
	fields   map[string]string // further ones of the header
}

// New starts a server that ends with the test.
func New(tb testing.TB) *Server { return start(tb, false) }

// NewTLS is New over https (HTTP/2 where the client offers it), with the
// certificate that Certificate tells.
func NewTLS(tb testing.TB) *Server { return start(tb, true) }

func start(tb testing.TB, tls bool) *Server {
	tb.Helper()
	s := &Server{
		tb: tb, tls: tls, addr: "127.0.0.1:0",
		files: map[string]file{}, faults: map[string][]*Fault{}, released: make(chan struct{}), raw: map[net.Conn]bool{},
	}
	s.Up()
	s.URL = s.srv.URL
	s.addr = s.srv.Listener.Addr().String()
	tb.Cleanup(s.Down)
	return s
}

// Up listens again, on the same port, after Down.
func (s *Server) Up() {
	s.tb.Helper()
	l, err := net.Listen("tcp4", s.addr)
	if err != nil {
		s.tb.Fatalf("faulty: %v", err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	srv.Listener.Close()
	srv.Listener = l
	if s.tls {
		srv.EnableHTTP2 = true
		srv.StartTLS()
	} else {
		srv.Start()
	}
	s.mu.Lock()
	s.srv = srv
	s.mu.Unlock()
}

// Down breaks every connection, refuses new ones and returns when no handler
// runs. It is harmless when the server is down already.
func (s *Server) Down() {
	s.mu.Lock()
	srv := s.srv
	s.srv = nil
	for conn := range s.raw {
		conn.Close()
	}
	s.mu.Unlock()
	if srv == nil {
		return
	}
	srv.Listener.Close()
	srv.CloseClientConnections()
	s.Release()
	srv.Close()
	s.handlers.Wait()
}

// Certificate is what a client of NewTLS has to trust.
func (s *Server) Certificate() *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.srv.Certificate()
}

// An Option changes what Set says about a file.
type Option func(*file)

// ETag sets the entity tag as it goes on the wire, quotes and W/ included;
// "" sends none.
func ETag(v string) Option { return func(f *file) { f.etag = v } }

// Modified sets Last-Modified; the zero time sends none.
func Modified(at time.Time) Option { return func(f *file) { f.modified = at } }

// Type sets Content-Type.
func Type(v string) Option { return func(f *file) { f.mime = v } }

// Field adds a field to the header.
func Field(key, v string) Option {
	return func(f *file) {
		fields := map[string]string{key: v}
		maps.Copy(fields, f.fields)
		f.fields = fields
	}
}

// Set puts data at path ("/a/b", decoded). Other bytes bring another ETag and
// each Set a later Last-Modified.
func (s *Server) Set(path string, data []byte, opts ...Option) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = s.version(data, opts...)
}

// version must be called with the lock held.
func (s *Server) version(data []byte, opts ...Option) file {
	f := file{
		data:     slices.Clone(data),
		etag:     fmt.Sprintf(`"%x"`, sha256.Sum256(data))[:18] + `"`,
		modified: epoch.Add(time.Duration(s.versions) * time.Minute),
		mime:     "application/octet-stream",
	}
	s.versions++
	for _, o := range opts {
		o(&f)
	}
	return f
}

// Remove makes path a 404.
func (s *Server) Remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, path)
}

// Fail queues faults for path, or for All.
func (s *Server) Fail(path string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults[path] = append(s.faults[path], &f)
	}
}

// Heal forgets the faults queued for path; Heal(All) forgets every fault.
func (s *Server) Heal(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if path == All {
		clear(s.faults)
	}
	delete(s.faults, path)
}

// Rate limits each answer's body to so many bytes a second; 0 lifts it.
func (s *Server) Rate(bytesPerSecond int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = bytesPerSecond
}

// Release lets go whatever hangs or stalls at this moment.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.released)
	s.released = make(chan struct{})
}

// take removes and returns the fault that is due for r: the first that fits,
// those of its path before those of All.
func (s *Server) take(r *http.Request) *Fault {
	for _, key := range []string{r.URL.Path, All} {
		queue := s.faults[key]
		for i, f := range queue {
			if f.when != nil && !f.when(r) {
				continue
			}
			if f.times > 0 {
				f.times--
			}
			if f.times == 0 {
				s.faults[key] = slices.Delete(slices.Clone(queue), i, i+1)
			}
			return f
		}
	}
	return nil
}

// serve answers one request: look up, spoil, send.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.handlers.Add(1)
	defer s.handlers.Done()
	s.mu.Lock()
	f, found := s.files[r.URL.Path]
	x := &exchange{s: s, r: r, w: w, file: f, found: found, rate: s.rate, released: s.released}
	x.log = &Request{
		Method: r.Method, Path: r.URL.Path, URI: r.RequestURI, Header: r.Header.Clone(), Host: r.Host, Remote: r.RemoteAddr, Proto: r.Proto,
		Range: r.Header.Get("Range"), IfRange: r.Header.Get("If-Range"),
		IfNoneMatch: r.Header.Get("If-None-Match"), IfModifiedSince: r.Header.Get("If-Modified-Since"),
	}
	s.log = append(s.log, x.log)
	fault := s.take(r)
	if fault != nil && fault.swap != nil {
		x.file, x.found = fault.swap(s, r.URL.Path), true
	}
	s.mu.Unlock()
	if fault != nil {
		for _, do := range fault.before {
			if !do(x) {
				return
			}
		}
	}
	x.answer = answerFor(x.r, x.file, x.found)
	if fault != nil {
		for _, do := range fault.after {
			do(x)
		}
	}
	x.send()
}

// Host is the server's host:port.
func (s *Server) Host() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.URL, "http://"), "https://")
}
