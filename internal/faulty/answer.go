package faulty

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How the end of a body is told.
type framing int

const (
	byLength framing = iota
	byChunks
	byClose
	byLie // a Content-Length that is not the body's
)

// What happens at answer.at.
type stop int

const (
	never stop = iota
	cut
	reset
	stall
)

// An answer is what would be sent, before it is.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	off     int64 // where body stands in the file
	framing framing
	delta   int64 // byLie: announced minus sent
	stop    stop
	at      int64 // body bytes sent before stop
}

func plain(code int) answer {
	return answer{status: code, header: http.Header{}, body: []byte(http.StatusText(code) + "\n")}
}

// answerFor is the right answer.
func answerFor(r *http.Request, f file, found bool) answer {
	if !found {
		return plain(http.StatusNotFound)
	}
	a := answer{status: http.StatusOK, header: http.Header{"Accept-Ranges": {"bytes"}}, body: f.data}
	for key, v := range map[string]string{"Etag": f.etag, "Content-Type": f.mime, "Last-Modified": httpDate(f.modified)} {
		if v != "" {
			a.header.Set(key, v)
		}
	}
	for key, v := range f.fields {
		a.header.Set(key, v)
	}
	if unchanged(r, f) {
		a.status, a.body = http.StatusNotModified, nil
		return a
	}
	asked := r.Header.Get("Range")
	if r.Method != http.MethodGet || asked == "" || !ifRangeHolds(r.Header.Get("If-Range"), f) {
		return a
	}
	return a.slice(asked, int64(len(f.data)))
}

// slice narrows a to one byte range; what is no single range gets the whole.
func (a answer) slice(asked string, size int64) answer {
	first, end, ok := parseRange(asked, size)
	if !ok {
		return a
	}
	if first >= end {
		refused := plain(http.StatusRequestedRangeNotSatisfiable)
		refused.header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return refused
	}
	a.status, a.off, a.body = http.StatusPartialContent, first, a.body[first:end]
	a.header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, size))
	return a
}

// parseRange reads "bytes=a-b", "bytes=a-" and "bytes=-n" into a half-open
// range inside size; an empty one cannot be satisfied.
func parseRange(v string, size int64) (first, end int64, ok bool) {
	spec, ok := strings.CutPrefix(v, "bytes=")
	a, b, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, false
	}
	last, err := strconv.ParseInt(b, 10, 64)
	if b != "" && err != nil {
		return 0, 0, false
	}
	if a == "" {
		return max(0, size-last), size, b != ""
	}
	first, err = strconv.ParseInt(a, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if b == "" {
		return first, size, true
	}
	return first, min(last+1, size), true
}

func unchanged(r *http.Request, f file) bool {
	if tags := r.Header.Get("If-None-Match"); tags != "" {
		return f.etag != "" && strings.Contains(tags, strings.TrimPrefix(f.etag, "W/"))
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !f.modified.IsZero() && !f.modified.After(since)
}

func ifRangeHolds(v string, f file) bool {
	strong := v == f.etag && !strings.HasPrefix(v, "W/")
	return v == "" || strong || v == httpDate(f.modified)
}

func httpDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}
