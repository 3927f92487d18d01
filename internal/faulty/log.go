package faulty

import (
	"fmt"
	"net/http"
	"strings"
)

// A Request is what one client asked and what it was sent.
type Request struct {
	Method, Path    string
	URI             string // as it stood on the wire, escapes included
	Host, Remote    string // Remote tells connections apart
	Proto           string
	Header          http.Header
	Range, IfRange  string
	IfNoneMatch     string
	IfModifiedSince string

	Status int   // 0 while no header was sent
	Bytes  int64 // body bytes handed to the connection
}

// String is the form that tests compare: "GET /a bytes=5- -> 206".
func (r Request) String() string {
	parts := []string{r.Method, r.Path}
	if r.Range != "" {
		parts = append(parts, r.Range)
	}
	return fmt.Sprintf("%s -> %d", strings.Join(parts, " "), r.Status)
}

// Requests returns a copy of the log, oldest first. Bytes are counted before
// they are written, so a client that has read a body finds all of it here.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.log))
	for i, r := range s.log {
		out[i] = *r
	}
	return out
}

// Lines is Requests, each by its String.
func (s *Server) Lines() []string {
	var out []string
	for _, r := range s.Requests() {
		out = append(out, r.String())
	}
	return out
}

// Count says how many requests asked for path.
func (s *Server) Count(path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}

// Sent is the sum of all body bytes of path, or of All.
func (s *Server) Sent(path string) int64 {
	var n int64
	for _, r := range s.Requests() {
		if path == All || r.Path == path {
			n += r.Bytes
		}
	}
	return n
}

// Forget empties the log.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

func (x *exchange) logStatus(code int) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.log.Status = code
}

func (x *exchange) logBytes(n int) {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.log.Bytes += int64(n)
}
