package server

import (
	"io"
	"net/http"
	"time"

	"mirrord/internal/accesslog"
	"mirrord/internal/mirror"
)

// logged has each request noted, where that is wanted.
func (s *server) logged(next http.Handler) http.Handler {
	if s.Access == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, entry: accesslog.Entry{
			At: time.Now(), Method: r.Method, URI: r.RequestURI, Proto: r.Proto, Referer: r.Referer(), Agent: r.UserAgent(),
			Aborted: true, // until it is not
		}}
		if c := peerOf(r).client; c != nil {
			rec.entry.Addr = c.Addr
		}
		defer func() { s.Access(rec.done()) }()
		next.ServeHTTP(rec, r)
		rec.entry.Aborted = false
	})
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
	failed bool // the client did not take it all
}

func (w *recorder) WriteHeader(status int) {
	if w.entry.Status == 0 && status >= 200 {
		w.entry.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.sent(int64(n), err)
	return n, err
}

// ReadFrom is for net/http's own, which knows how to send files.
func (w *recorder) ReadFrom(src io.Reader) (n int64, err error) {
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		n, err = to.ReadFrom(src)
	} else {
		n, err = io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
	}
	w.sent(n, err)
	return n, err
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
func (s *server) answered(w http.ResponseWriter, repo string, a *mirror.Answer) {
	how := how(a)
	s.metrics.answered(repo, how)
	noteRepo(w, repo, how)
}

// noteRepo notes a configured repository; how is "" where it gave nothing.
func noteRepo(w http.ResponseWriter, repo, how string) {
	if rec := find[*recorder](w); rec != nil {
		rec.entry.Repo, rec.entry.Cache = repo, how
	}
}

// logHit notes a hit that net/http knows nothing of; request is its text.
func (c *conn) logHit(request []byte, target, repo, how string, at time.Time, sent int64, err error) {
	c.s.Access(&accesslog.Entry{
		At: at, Took: time.Since(at), Addr: c.peer.client.Addr,
		Method: http.MethodGet, URI: target, Proto: "HTTP/1.1", Agent: plainField(request, "user-agent"),
		Status: http.StatusOK, Bytes: sent, Repo: repo, Cache: how, Aborted: err != nil,
	})
}
