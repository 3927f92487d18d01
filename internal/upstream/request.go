package upstream

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mirrord/internal/digest"
)

// More of a query than any page of a list needs.
const queryMost = 4 << 10

// A Request is what is wanted of any mirror of a group.
type Request struct {
	Path string // decoded, clean, relative to a mirror's base: "pool/main/g/g++/g++_1.deb"; a trailing slash may stand
	Off  int64  // first byte wanted
	End  int64  // one past the last byte wanted, 0 for all there is
	Size int64  // size of the whole file, -1 unknown; a mirror that announces another is passed over
	// Pinned: the caller checks a digest afterwards, so bytes of any mirror
	// that has the right Size may follow each other.
	Pinned bool
	// Held is the validator of bytes the caller has, when Off > 0 and not
	// Pinned: it goes out as If-Range. The zero value asks for a bare range.
	Held Validator
	// HeldFrom is the mirror those bytes came from. Only there does a
	// Last-Modified prove anything; elsewhere, without a strong ETag in Held,
	// the file is asked for from its start.
	HeldFrom string
	Unless   Validator // If-None-Match, If-Modified-Since: ErrNotModified when it still holds
	Mirror   string    // ask only this one of Mirrors(); "" for any
	// Patience bounds the whole of Open or Head, shared out among the mirrors
	// that are left to ask; 0 leaves it to Timeouts. Unlike a deadline of the
	// context, its end is the mirror's failure and opens the breaker.
	Patience time.Duration

	// Part: Off to End is one of several parts of a Pinned file. An answer to a
	// part at 0 may go on to the end of the file; Body.End tells.
	Part  Part
	Avoid []string // mirrors that are not asked, where a part is wanted and there are others
	Lacks *Lacks   // what the parts' mirrors said no to, nil: nobody remembers

	seat func() // releases the connection that was seized for a Lane

	Query  string // raw, "" none
	Accept string // the Accept field, "" none
	// Scope is what a token must allow, "repository:library/alpine:pull". It
	// turns on answering a mirror's 401; "" where no token is ever needed.
	Scope string
	// As is whose credentials answer the 401: nil the group's own, &Login{}
	// nobody's. Without Scope it is not looked at.
	As *Login
}

// Info is what the header of an answer tells.
type Info struct {
	Mirror      string // who answered: scheme://host[:port], no credentials
	Off         int64  // where the first byte stands: 0 when Range was ignored or If-Range failed
	Size        int64  // of the whole file, -1 unknown
	Validator   Validator
	ContentType string
	Framed      bool          // the end of the body is proved by length, chunking or HTTP/2
	Digest      digest.Digest // Docker-Content-Digest, "" where missing or invalid
	Link        string        // the Link field, as it came
}

// A Validator tells versions of one file apart (RFC 9110, 8.8).
type Validator struct{ ETag, LastModified string }

// IsZero says that there is nothing to compare.
func (v Validator) IsZero() bool { return v == Validator{} }

// Strong says whether bytes may be joined under v at all: by a strong ETag, or
// by Last-Modified, which proves enough only on the mirror that gave it.
func (v Validator) Strong() bool { return v.strongTag() || v.LastModified != "" }

func (v Validator) strongTag() bool {
	return len(v.ETag) >= 2 && v.ETag[0] == '"' && v.ETag[len(v.ETag)-1] == '"'
}

// ifRange is v as the If-Range field, "" when it proves nothing there.
func (v Validator) ifRange(sameMirror bool) string {
	if v.strongTag() {
		return v.ETag
	}
	if sameMirror {
		return v.LastModified
	}
	return ""
}

// continues says whether an answer with validator w, given to an If-Range with
// v, is of the same version. A 206 has to repeat the ETag, but may leave out
// Last-Modified (RFC 9110, 15.3.7).
func (v Validator) continues(w Validator) bool {
	if v.strongTag() {
		return w.ETag == v.ETag
	}
	return w.ETag == v.ETag && (w.LastModified == v.LastModified || w.LastModified == "")
}

// equal says whether v and w prove the same whole file.
func (v Validator) equal(w Validator, sameMirror bool) bool {
	if v.strongTag() {
		return v.ETag == w.ETag
	}
	return sameMirror && v.LastModified != "" && v == w
}

// hasRange says whether less than the whole file is wanted.
func (r Request) hasRange() bool {
	return r.Off > 0 || r.End > 0 && (r.Size < 0 || r.End < r.Size)
}

// rangeField is the Range field, RFC 9110, 14.1.2.
func (r Request) rangeField() string {
	if r.End > 0 && (r.Size < 0 || r.End < r.Size) {
		return fmt.Sprintf("bytes=%d-%d", r.Off, r.End-1)
	}
	return fmt.Sprintf("bytes=%d-", r.Off)
}

// check finds a caller's mistake before it is on the wire.
func (r Request) check() error {
	clean := strings.TrimSuffix(r.Path, "/")
	if r.Path != "" && (clean == "." || !fs.ValidPath(clean) || strings.ContainsRune(clean, 0)) {
		return fmt.Errorf("upstream: path %q is not clean", r.Path)
	}
	if r.Part != NoPart && (!r.Pinned || r.End == 0 || r.Size < 0) {
		return errors.New("upstream: a part of what has no size, end or digest")
	}
	if r.Off < 0 || r.End != 0 && r.End <= r.Off {
		return fmt.Errorf("upstream: no bytes between %d and %d", r.Off, r.End)
	}
	if len(r.Query) > queryMost || strings.ContainsFunc(r.Query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) {
		return fmt.Errorf("upstream: query of %d bytes is not clean", len(r.Query))
	}
	return nil
}

// header builds the fields of r for one mirror.
func (r Request) header(sameMirror bool) http.Header {
	h := http.Header{"Accept-Encoding": {"identity"}}
	if r.Accept != "" {
		h.Set("Accept", r.Accept)
	}
	if r.hasRange() {
		guard := r.Held.ifRange(sameMirror)
		needed := r.Off > 0 && !r.Pinned && !r.Held.IsZero()
		if !needed || guard != "" {
			h.Set("Range", r.rangeField())
		}
		if needed && guard != "" {
			h.Set("If-Range", guard)
		}
	}
	if r.Unless.ETag != "" {
		h.Set("If-None-Match", r.Unless.ETag)
	}
	if r.Unless.LastModified != "" {
		h.Set("If-Modified-Since", r.Unless.LastModified)
	}
	return h
}

// target is base with path below it, and query where there is one. '+' is escaped although it need not be:
// mirrors on object storage take a bare one for a space.
func target(base *url.URL, path, query string) *url.URL {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
	}
	u := *base
	u.User = nil
	u.Fragment, u.RawFragment = "", ""
	u.Path = strings.TrimSuffix(base.Path, "/") + "/" + path
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + "/" + strings.Join(segments, "/")
	if query != "" {
		u.RawQuery = query
	}
	return &u
}
