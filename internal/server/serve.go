package server

import (
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"mirrord/internal/mirror"
)

// contentTypes are those of what package managers ask for. For anything else
// upstream's word is passed on.
var contentTypes = map[string]string{
	".deb":  "application/vnd.debian.binary-package",
	".udeb": "application/vnd.debian.binary-package",
	".gz":   "application/gzip",
	".xz":   "application/x-xz",
	".zst":  "application/zstd",
	".bz2":  "application/x-bzip2",
	".lz4":  "application/x-lz4",
	".dsc":  "text/plain; charset=utf-8",
	".gpg":  "application/pgp-signature",
}

const defaultType = "application/octet-stream"

// serve writes the answer: the whole, a range or several, or that the client has
// it already.
func serve(w http.ResponseWriter, r *http.Request, name string, a *mirror.Answer) {
	h := w.Header()
	h["Cache-Status"] = []string{a.CacheStatus()}
	h["Content-Type"] = []string{contentType(name, a)}
	if tag := etag(a); tag != "" {
		h["Etag"] = []string{tag}
	}
	if d := a.Digest.ReprDigest(); d != "" {
		h["Repr-Digest"] = []string{d}
	}
	switch {
	case a.Coding != "":
		encoded(w, r, a)
	case a.Size < 0:
		stream(w, r, a)
	default:
		content(w, r, a)
	}
}

// isStored reports that the whole answer is open and needs the mirror no more.
func isStored(a *mirror.Answer) bool {
	_, file := a.ReadSeeker.(kernelFile)
	return file || a.Bytes() != nil
}

// etag is the digest where an index names the object, else upstream's.
func etag(a *mirror.Answer) string {
	if a.Named != "" { // registries quote the whole digest
		return `"` + string(a.Named) + `"`
	}
	if a.Strong {
		return `"` + a.Digest.Hex() + `"`
	}
	return a.ETag
}

// lastModified is upstream's date where it is one.
func lastModified(a *mirror.Answer) string {
	if _, err := http.ParseTime(a.LastModified); err != nil {
		return ""
	}
	return a.LastModified
}

// content leaves ranges and conditions to net/http.
func content(w http.ResponseWriter, r *http.Request, a *mirror.Answer) {
	if !strings.Contains(r.Header.Get("Range"), ",") { // several ranges are written by another goroutine
		a.OnWait(flusher(w))
	}
	modified, _ := http.ParseTime(a.LastModified)
	// Another mirror, or a roll-back, can bring newer bytes with an older date.
	if since, err := http.ParseTime(r.Header.Get("If-Modified-Since")); err == nil && !since.Equal(modified) {
		r.Header.Del("If-Modified-Since")
	}
	if resumes(r.Header.Get("Range"), a.Size) && a.Misled() {
		r.Header.Del("Range") // what it has may be what it was broken off for
	}
	http.ServeContent(w, r, "", modified, a.ReadSeeker)
}

// resumes reports a Range from the middle to the end, as who was broken off asks for.
func resumes(field string, size int64) bool {
	first, last, ok := strings.Cut(strings.TrimPrefix(field, "bytes="), "-")
	from, err := strconv.ParseInt(strings.TrimSpace(first), 10, 64)
	if !ok || err != nil || from <= 0 {
		return false
	}
	to, err := strconv.ParseInt(strings.TrimSpace(last), 10, 64)
	return strings.TrimSpace(last) == "" || err == nil && to >= size-1
}

// stream writes an answer whose size is not known yet. Ranges do not apply.
func stream(w http.ResponseWriter, r *http.Request, a *mirror.Answer) {
	if modified := lastModified(a); modified != "" {
		w.Header().Set("Last-Modified", modified)
	}
	w.Header().Set("Accept-Ranges", "none")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	a.OnWait(flusher(w))
	io.Copy(w, a.ReadSeeker) // a.Err tells
}

// flusher sends what was written on its way; after the first bytes at most every
// few milliseconds, since a fast flight waits often.
func flusher(w http.ResponseWriter) func() {
	rc := http.NewResponseController(w)
	var last time.Time
	return func() {
		if now := time.Now(); now.Sub(last) > 5*time.Millisecond {
			last = now
			rc.Flush()
		}
	}
}

func contentType(name string, a *mirror.Answer) string {
	if t := contentTypes[path.Ext(name)]; t != "" {
		return t
	}
	if a.ContentType != "" {
		return a.ContentType
	}
	return defaultType
}

// firstByte is where a Range header begins, 0 where that is not told or where it
// is not one: a hint only.
func firstByte(field string) int64 {
	spec, ok := strings.CutPrefix(field, "bytes=")
	if !ok {
		return 0
	}
	from, _, ok := strings.Cut(spec, "-")
	n, err := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	if !ok || err != nil || n < 0 {
		return 0
	}
	return n
}
