package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/upstream"
)

// verdicts is the one place that says which status an error has, and what the
// client reads. The first that fits counts.
var verdicts = []struct {
	is     func(error) bool
	status int
	text   string // "" = the error's own
}{
	{is(repo.ErrBadPath), http.StatusBadRequest, ""},
	{is(errHost), http.StatusBadRequest, ""},
	{is(errLogin), http.StatusUnauthorized, ""},
	{is(errNothingHere), http.StatusNotFound, ""},
	{is(errNoList), http.StatusNotFound, ""},
	{is(repo.ErrNotFile), http.StatusNotFound, "not a file"},
	{is(mirror.ErrUnknownRepo), http.StatusNotFound, ""},
	{is(mirror.ErrNotListed), http.StatusNotFound, ""},
	{is(mirror.ErrNoSnapshot), http.StatusNotFound, ""},
	{isStatus(http.StatusNotFound, http.StatusGone), http.StatusNotFound, ""},
	{is(mirror.ErrIncomplete), http.StatusServiceUnavailable, ""},
	{is(upstream.ErrOffline), http.StatusGatewayTimeout, ""}, // as for only-if-cached, RFC 9111 5.2.1.7
	{is(context.Canceled), statusGone, "the client is gone"},
	{is(os.ErrDeadlineExceeded), http.StatusGatewayTimeout, ""},
	{is(upstream.ErrUnavailable), http.StatusServiceUnavailable, ""},
	{is(cache.ErrBusy), http.StatusServiceUnavailable, ""},
	{isStatus(http.StatusUnauthorized, http.StatusForbidden), http.StatusForbidden, ""},
	{isStatus(), http.StatusBadGateway, ""},
	{is(cache.ErrMismatch), http.StatusBadGateway, ""},
	{is(upstream.ErrChanged), http.StatusBadGateway, ""},
	{is(cache.ErrNotStored), http.StatusServiceUnavailable, ""},
	{isSize, http.StatusBadGateway, ""},
	{is(mirror.ErrBadRoot), http.StatusBadGateway, ""},
	{is(mirror.ErrUnfit), http.StatusBadGateway, ""},
	{is(io.ErrUnexpectedEOF), http.StatusBadGateway, ""},
	{func(error) bool { return true }, http.StatusInternalServerError, "internal error; the log has more"},
}

// statusGone is for the log: nobody reads it.
const statusGone = 499

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// isStatus fits upstream's answers with one of codes, or any where there is none.
func isStatus(codes ...int) func(error) bool {
	return func(err error) bool {
		var s *upstream.StatusError
		if !errors.As(err, &s) || errors.Is(err, upstream.ErrUnavailable) {
			return false
		}
		for _, c := range codes {
			if s.Code == c {
				return true
			}
		}
		return len(codes) == 0
	}
}

func isSize(err error) bool {
	var m *upstream.MismatchError
	return errors.As(err, &m)
}

// retryDefault is told to clients where upstream gave no better time.
const retryDefault = 5 * time.Second

// verdict is what the table says of an error.
func verdict(err error) (status int, text string) {
	for _, v := range verdicts {
		if v.is(err) {
			status, text = v.status, v.text
			break
		}
	}
	if text == "" {
		text = oneLine(err.Error())
	}
	return status, text
}

// oneLine puts several errors that were joined into one line, each once.
func oneLine(text string) string {
	var each []string
	for line := range strings.SplitSeq(text, "\n") {
		if !slices.Contains(each, line) {
			each = append(each, line)
		}
	}
	return strings.Join(each, "; ")
}

// fail answers with what the table says.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text := verdict(err)
	s.failed(w, r, status, err)
	http.Error(w, text, status)
}

// failed counts and logs, and tells a client that may come again when.
func (s *server) failed(w http.ResponseWriter, r *http.Request, status int, err error) {
	switch offline := errors.Is(err, upstream.ErrOffline); {
	case offline: // coming again helps nobody
	case status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout, status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(retryTime(err).Seconds()+0.5)))
	}
	repo := ""
	if rec := find[*recorder](w); rec != nil {
		repo = rec.entry.Repo
	}
	s.metrics.failed(repo, status)
	if status >= 500 && !errors.Is(err, upstream.ErrOffline) {
		s.Log.Warn("request failed", "path", r.URL.Path, "status", status, "err", err)
	}
}

func retryTime(err error) time.Duration {
	var u *upstream.UnavailableError
	var s *upstream.StatusError
	switch {
	case errors.As(err, &u) && u.RetryAfter >= time.Second:
		return u.RetryAfter
	case errors.As(err, &s) && s.RetryAfter >= time.Second:
		return s.RetryAfter
	}
	return retryDefault
}
