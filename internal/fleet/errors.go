package fleet

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"mirrord/internal/bearer"
	"mirrord/internal/token"
)

var (
	errInsecure = errors.New("a fleet is served over https only, or on this machine; fleet: plain_http: true lifts that")
	errNoToken  = errors.New("an edge's token is needed")
	errRole     = errors.New("the token is not an edge's")
	errGrant    = errors.New("the token does not grant that")
	errNoRoute  = errors.New("nothing here")
	errMethod   = errors.New("no such method")
	errEnding   = errors.New("this mirrord is ending")
)

// statuses is the one place that says which status an error has, and by RFC 6750 which
// word. The first that fits counts; what fits none is 500 and is not told.
var statuses = []struct {
	err    error
	status int
	word   string // "" = the header says nothing
}{
	{errInsecure, http.StatusForbidden, "invalid_request"},
	{errNoToken, http.StatusUnauthorized, "invalid_token"},
	{token.ErrUnknown, http.StatusUnauthorized, "invalid_token"},
	{token.ErrExpired, http.StatusUnauthorized, "invalid_token"},
	{errRole, http.StatusForbidden, "insufficient_scope"},
	{errGrant, http.StatusForbidden, "insufficient_scope"},
	{errQuestion, http.StatusBadRequest, ""},
	{errNoDelta, http.StatusNotFound, ""},
	{errNoRoute, http.StatusNotFound, ""},
	{errMethod, http.StatusMethodNotAllowed, ""},
	{errSince, http.StatusBadRequest, ""},
	{errStreams, http.StatusTooManyRequests, ""},
	{errEnding, http.StatusServiceUnavailable, ""},
}

// fail answers with what the table says. An edge knows a refusal that is about itself by
// the header, and takes it for no word about what it asked for.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	status, text, word := http.StatusInternalServerError, "internal error; the log has more", ""
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			status, text, word = s.status, strings.Join(strings.Fields(err.Error()), " "), s.word
			break
		}
	}
	switch {
	case word != "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="mirrord fleet", error="`+word+`"`)
		slog.Warn("an edge was refused", "from", bearer.Address(r), "path", r.URL.Path, "err", err)
	case status >= 500:
		slog.Error("an edge could not be served", "path", r.URL.Path, "err", err)
	}
	http.Error(w, text, status)
}
