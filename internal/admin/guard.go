package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"mirrord/internal/bearer"
	"mirrord/internal/token"
)

var (
	errNoToken  = errors.New("a bearer token is needed")
	errRole     = errors.New("the token may not do that")
	errInsecure = errors.New("the admin API is answered over https only, or from this machine; admin: plain_http: true lifts that")
	errOrigin   = errors.New("another site's page asked for that")
	errNoRoute  = errors.New("no such call; GET " + Prefix + "/openapi.yaml lists them")
	errMethod   = errors.New("no such method of this call")
	errBody     = errors.New("bad request body")
	errAudit    = errors.New("it was done, and cannot be written to the audit log")
)

// callerKey is where a request's context has its token.
type callerKey struct{}

func caller(r *http.Request) token.Token {
	t, _ := r.Context().Value(callerKey{}).(token.Token)
	return t
}

// handle makes a handler of a function for those whose token has the role.
func (a *api) handle(need token.Role, fn func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := a.admit(r, need)
		if err != nil {
			a.calls.WithLabelValues("", refused).Inc()
		} else {
			err = fn(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, t)))
		}
		if err != nil {
			fail(w, r, err)
		}
	}
}

// admit says whose request it is, or why it is not answered.
func (a *api) admit(r *http.Request, need token.Role) (token.Token, error) {
	if !a.PlainHTTP && !bearer.Private(r) {
		return token.Token{}, errInsecure
	}
	if o := r.Header.Get("Origin"); o != "" && o != "http://"+r.Host && o != "https://"+r.Host {
		return token.Token{}, errOrigin
	}
	secret := bearer.Secret(r)
	if secret == "" {
		return token.Token{}, errNoToken
	}
	t, err := a.Tokens.Find(secret)
	if err != nil {
		slog.Warn("an admin call was refused", "from", bearer.Address(r), "path", r.URL.Path, "err", err)
		return token.Token{}, err
	}
	if !t.Role.May(need) {
		return token.Token{}, fmt.Errorf("%w: it has the role %s, and %s is needed", errRole, t.Role, need)
	}
	return t, nil
}

// bodyMost bounds a request's body, in bytes.
const bodyMost = 64 << 10

// read makes a function of a request's JSON body one of the request. Unknown keys are
// refused: a misspelt "dry_run" must not purge. What type the body is called does not
// matter: curl -d calls it a form, and no page of another site can add the token.
func read[T any](fn func(http.ResponseWriter, *http.Request, T) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		var body T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMost))
		d.DisallowUnknownFields()
		if err := d.Decode(&body); err != nil {
			return fmt.Errorf("%w: %w", errBody, err)
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: more than one JSON value", errBody)
		}
		return fn(w, r, body)
	}
}
