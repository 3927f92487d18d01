package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"mirrord/internal/digest"
)

// judge decides from the header whether an answer may be used for r, which
// went out with the fields sent. end is one past the last byte it carries, -1
// unknown.
func (g *Group) judge(m *mirror, method string, r Request, sent http.Header, resp *http.Response) (info Info, end int64, err error) {
	info = Info{
		Mirror:      m.label,
		Size:        resp.ContentLength,
		Validator:   Validator{ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")},
		ContentType: resp.Header.Get("Content-Type"),
		Link:        resp.Header.Get("Link"),
		Framed:      resp.ContentLength >= 0 || resp.ProtoMajor > 1 || slices.Contains(resp.TransferEncoding, "chunked"),
	}
	if d, err := digest.Parse(resp.Header.Get("Docker-Content-Digest")); err == nil {
		info.Digest = d
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK && r.Part != NoPart && r.hasRange() && (r.Part == Lane || r.Off > 0):
		m.meter.ignored()
		return Info{}, 0, errIgnored
	case code == http.StatusOK:
		if r.Part == Lead && r.hasRange() {
			m.meter.ignored()
		}
		end = info.Size
	case code == http.StatusPartialContent && method == http.MethodGet:
		if end, err = partial(&info, r, sent, resp); err != nil {
			return Info{}, 0, err
		}
	case code == http.StatusNotModified && !r.Unless.IsZero():
		return Info{}, 0, ErrNotModified
	case code == http.StatusRequestedRangeNotSatisfiable:
		return Info{}, 0, g.unsatisfied(m, r, resp)
	case r.Scope != "" && (code == http.StatusUnauthorized || code == http.StatusForbidden) && !m.serves(resp.Request.URL):
		// The mirror said yes; a CDN's signed URL may have run out on the way.
		return Info{}, 0, answerError(fmt.Sprintf("redirected to a host that answered %d", code))
	case m.refusesEdge(resp):
		return Info{}, 0, errHubRefuses
	case code >= 400:
		return Info{}, 0, g.refusal(m, resp)
	default:
		return Info{}, 0, answerError(fmt.Sprintf("answered %d, which was not asked for", code))
	}
	if r.Size >= 0 && info.Size >= 0 && info.Size != r.Size && !encoded(resp) {
		return Info{}, 0, &MismatchError{g.name, m.label, r.Size, info.Size}
	}
	// Old servers label a .gz as encoded. The size tells whether these are
	// the file's own bytes.
	if encoded(resp) && (r.Size < 0 || info.Size != r.Size) {
		return Info{}, 0, answerError("sent a Content-Encoding nobody asked for")
	}
	if info.Size < 0 {
		info.Size = r.Size // the body is held to it
	}
	return info, end, nil
}

// partial checks a 206: the range must be the one asked for, of the file and
// version asked for.
func partial(info *Info, r Request, sent http.Header, resp *http.Response) (end int64, err error) {
	if sent.Get("Range") == "" {
		return 0, answerError("answered 206 to a request without Range")
	}
	cr, ok := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || cr.first < 0:
		return 0, answerError("answered 206 without a valid Content-Range")
	case cr.first != r.Off || r.End > 0 && cr.end > r.End:
		return 0, answerError("answered with another range than was asked for")
	case resp.ContentLength >= 0 && resp.ContentLength != cr.end-cr.first:
		return 0, answerError("Content-Length and Content-Range differ")
	case cr.size < 0 && r.Size >= 0 && !r.Pinned:
		return 0, answerError("Content-Range leaves out the size")
	case sent.Get("If-Range") != "" && !r.Held.continues(info.Validator):
		return 0, ErrChanged
	}
	info.Off, info.Size = cr.first, cr.size
	return cr.end, nil
}

// unsatisfied reads a 416: for who holds bytes the file has become shorter.
func (g *Group) unsatisfied(m *mirror, r Request, resp *http.Response) error {
	cr, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if ok && r.Size >= 0 && cr.size != r.Size {
		return &MismatchError{g.name, m.label, r.Size, cr.size}
	}
	if r.Part != NoPart { // it lies within that size
		m.meter.ignored()
		return errIgnored
	}
	if !r.Held.IsZero() && !r.Pinned {
		return ErrChanged
	}
	return &StatusError{Repo: g.name, Mirror: m.label, Code: resp.StatusCode}
}

// refusal is an answer that says no.
func (g *Group) refusal(m *mirror, resp *http.Response) error {
	s := &StatusError{
		Repo: g.name, Mirror: m.label, Code: resp.StatusCode,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), g.t.now()),
		note:       g.t.whoAsks(m, resp),
	}
	s.crowded = busy(s.Code) && g.t.seats.crowded(m.host, max(s.RetryAfter, crowdedFor))
	return s
}

func encoded(resp *http.Response) bool {
	enc := strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ","))
	return enc != "" && !strings.EqualFold(enc, "identity")
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3), 0 for neither.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
		return time.Duration(min(max(n, 0), int(retryAfterMost/time.Second))) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), retryAfterMost)
}
