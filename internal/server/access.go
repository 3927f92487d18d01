package server

import (
	"io"
	"net/http"
	"time"

	"mirrord/internal/accesslog"
	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
)

// noted has it counted what goes out, and each request logged and traced where that is
// wanted.
func (s *server) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, entry: accesslog.Entry{At: time.Now()}}
		if s.Access == nil && s.Trace == nil {
			next.ServeHTTP(rec, r)
			return
		}
		rec.asked(r)
		end := s.Access
		if s.Trace != nil {
			r, end = s.traced(r)
		}
		defer func() { end(rec.done()) }()
		next.ServeHTTP(rec, r)
		rec.entry.Aborted = false
	})
}

// traced begins a span, and gives what ends it and tells Access.
func (s *server) traced(r *http.Request) (*http.Request, func(*accesslog.Entry)) {
	r, end := s.Trace(r)
	if s.Access == nil {
		return r, end
	}
	return r, func(e *accesslog.Entry) { end(e); s.Access(e) }
}

// asked notes the request, which is taken to be aborted until it is not.
func (w *recorder) asked(r *http.Request) {
	e := &w.entry
	e.Method, e.URI, e.Proto, e.Referer, e.Agent, e.Aborted = r.Method, r.RequestURI, r.Proto, r.Referer(), r.UserAgent(), true
	if c := peerOf(r).client; c != nil {
		e.Addr = c.Addr
	}
}

// done fills in what is known in the end.
func (w *recorder) done() *accesslog.Entry {
	e := &w.entry
	e.Took = time.Since(e.At)
	if e.Status == 0 && !e.Aborted {
		e.Status = http.StatusOK // net/http's own, for an empty answer
	}
	if e.Method == http.MethodHead {
		e.Bytes = 0 // net/http sends none of what it was given
	}
	e.Aborted = e.Aborted || w.failed
	return e
}

// recorder notes what goes out. Bodies still go the kernel's way.
type recorder struct {
	http.ResponseWriter
	entry  accesslog.Entry
	failed bool                // the client did not take it all
	bytes  prometheus.Counter  // of the body, where it is an artifact's; else nil
	live   bool                // it is downloaded meanwhile, which may go on for long
	first  prometheus.Observer // of when its first byte is there; nil = it was, or it does not matter
}

func (w *recorder) WriteHeader(status int) {
	if w.entry.Status == 0 && status >= 200 {
		w.entry.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.sent(int64(n), err)
	w.count(n)
	return n, err
}

// ReadFrom is for net/http's own, which knows how to send files.
func (w *recorder) ReadFrom(src io.Reader) (n int64, err error) {
	if w.live {
		src = passing{src, w}
	}
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		n, err = to.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
	}
	w.sent(n, err)
	if !w.live {
		w.count(int(n))
	}
	return n, err
}

// passing counts what is read from it, on its way to the client.
type passing struct {
	io.Reader
	w *recorder
}

func (p passing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.w.begin()
		p.w.count(n)
	}
	return n, err
}

// begin notes the first byte.
func (w *recorder) begin() {
	if w.first != nil {
		w.first.Observe(time.Since(w.entry.At).Seconds())
		w.first = nil
	}
}

func (w *recorder) count(n int) {
	if w.bytes != nil {
		w.bytes.Add(float64(n))
	}
}

func (w *recorder) sent(n int64, err error) {
	if w.entry.Status == 0 {
		w.entry.Status = http.StatusOK
	}
	w.entry.Bytes += n
	w.failed = w.failed || err != nil
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answered counts an answer of a repository, and notes whose it is.
func (s *server) answered(w http.ResponseWriter, r *http.Request, repo string, a *mirror.Answer) {
	c, way := s.metrics.of(repo), wayOf(a)
	c.answers[way].Inc()
	rec := noteRepo(w, repo, way.String())
	if rec == nil || r.Method == http.MethodHead {
		return
	}
	rec.bytes, rec.live = c.sent[way], !a.Whole()
	if way == miss || way == joined {
		rec.first = c.firstByte
	}
	if !rec.live {
		rec.begin()
	}
}

// noteRepo notes a configured repository; how is "" where it gave nothing.
func noteRepo(w http.ResponseWriter, repo, how string) *recorder {
	rec := find[*recorder](w)
	if rec != nil {
		rec.entry.Repo, rec.entry.Cache = repo, how
	}
	return rec
}

// logHit notes a hit that net/http knows nothing of; request is its text.
func (c *conn) logHit(request []byte, target, repo, how string, at time.Time, sent int64, err error) {
	c.s.Access(&accesslog.Entry{
		At: at, Took: time.Since(at), Addr: c.peer.client.Addr,
		Method: http.MethodGet, URI: target, Proto: "HTTP/1.1", Agent: plainField(request, "user-agent"),
		Status: http.StatusOK, Bytes: sent, Repo: repo, Cache: how, Aborted: err != nil,
	})
}
