package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"mirrord/internal/mirror"
	"mirrord/internal/repo"
	"mirrord/internal/token"
)

// statuses is the one place that says which status an error has. The first that fits
// counts; what fits none is 500 and is not told.
var statuses = []struct {
	err    error
	status int
}{
	{errNoToken, http.StatusUnauthorized},
	{token.ErrExpired, http.StatusUnauthorized},
	{errRole, http.StatusForbidden},
	{errInsecure, http.StatusForbidden},
	{errOrigin, http.StatusForbidden},
	{errNoRoute, http.StatusNotFound},
	{errMethod, http.StatusMethodNotAllowed},
	{errBody, http.StatusBadRequest},
	{errQuery, http.StatusBadRequest},
	{mirror.ErrSelector, http.StatusBadRequest},
	{repo.ErrBadPath, http.StatusBadRequest},
	{repo.ErrNotFile, http.StatusBadRequest},
	{mirror.ErrUnknownRepo, http.StatusNotFound},
	{errNoSuchToken, http.StatusNotFound},
	{mirror.ErrNoSnapshot, http.StatusNotFound},
	{mirror.ErrSnapshotExists, http.StatusConflict},
	{token.ErrUnknown, http.StatusUnauthorized},
	{token.ErrExists, http.StatusConflict},
	{token.ErrInvalid, http.StatusBadRequest},
	{errAudit, http.StatusInternalServerError},
	{context.Canceled, statusGone},
}

// statusGone is for the log: nobody reads it.
const statusGone = 499

// problem is an error's body, RFC 9457.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// fail answers with what the table says.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem{Status: http.StatusInternalServerError, Detail: "internal error; the log has more"}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			p.Status, p.Detail = s.status, strings.Join(strings.Fields(err.Error()), " ")
			break
		}
	}
	if p.Status >= 500 {
		slog.Error("an admin call failed", "path", r.URL.Path, "err", err)
	}
	p.Title = http.StatusText(p.Status)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="mirrord admin"`)
	}
	respond(w, p.Status, "application/problem+json", p)
}

// respond writes a value as JSON.
func respond(w http.ResponseWriter, status int, contentType string, v any) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v) // that the client is gone is nobody's loss
}

// answer is respond for what went well.
func answer(w http.ResponseWriter, v any) error {
	respond(w, http.StatusOK, "application/json", v)
	return nil
}
