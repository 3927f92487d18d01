package server

import (
	"net/http"
	"strconv"
	"strings"

	"mirrord/internal/dcz"
	"mirrord/internal/mirror"
)

// What is said of a dictionary besides (RFC 9842). It is to be fresh for as long as it is
// of use, and nobody may answer with it unasked: what it is the state of may have another by
// now. The answer depends on what the client has.
const (
	dictionaryKept = "no-cache, max-age=2592000"
	dictionaryVary = "Accept-Encoding, Available-Dictionary"
)

// lineage is the value of Use-As-Dictionary: the paths of all states of the file that is
// answered at target, a path as it came. It is "" where the file is no dictionary, where
// somebody on the way might not know the coding, and where the path would need more than quotes.
func (p *peer) lineage(target string, a *mirror.Answer) string {
	if !p.secure {
		return ""
	}
	name := a.Lineage()
	if name == "" {
		return ""
	}
	all := target[:strings.LastIndexByte(target, '/')+1] + name
	if !only([]byte(all), patternMarks) {
		return ""
	}
	return `match="` + all + `"`
}

// patternMarks may stand in a URL pattern and mean themselves, but for *.
const patternMarks = "/._-~=@,*"

// offer says that the answer is a dictionary.
func offer(h http.Header, lineage string) {
	h.Set("Use-As-Dictionary", lineage)
	h.Set("Cache-Control", dictionaryKept)
	h.Set("Vary", dictionaryVary)
}

// difference gives the answer as a difference to the dictionary that the client has, nil
// where it is to be given as it is. It is so where a part is asked for: ranges are of the
// plain bytes. And where the client has the plain bytes, and only asks whether they hold.
func difference(r *http.Request, a *mirror.Answer) *mirror.Answer {
	h := r.Header
	for _, field := range []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since"} {
		if h.Get(field) != "" {
			return nil
		}
	}
	has := h["Available-Dictionary"]
	if len(has) != 1 || !dcz.Accepts(h["Accept-Encoding"]) || foreign(h) || noneMatch(h, etag(a)) {
		return nil
	}
	d, err := dcz.Available(has[0])
	if err != nil {
		return nil // it is as if it had none
	}
	return a.Coded(r.Context(), d, r.Method == http.MethodHead)
}

// foreign reports a page of another site that may not read the answer, and so must not
// learn its length either (RFC 9842, 9.3.3).
func foreign(h http.Header) bool {
	site, mode := h.Get("Sec-Fetch-Site"), h.Get("Sec-Fetch-Mode")
	return site != "" && site != "same-origin" && mode != "" && mode != "navigate" && mode != "same-origin"
}

// noneMatch reports an If-None-Match that names the tag: the client has the answer.
func noneMatch(h http.Header, tag string) bool {
	for _, field := range h["If-None-Match"] {
		for item := range strings.SplitSeq(field, ",") {
			item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
			if tag != "" && item == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// encoded writes an answer in a content coding. It is a representation of its own, with
// its own tag and digest, and no ranges.
func encoded(w http.ResponseWriter, r *http.Request, a *mirror.Answer) {
	if noneMatch(r.Header, etag(a)) {
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Encoding", a.Coding)
	w.Header().Set("Content-Length", strconv.FormatInt(a.Size, 10))
	stream(w, r, a)
}
