package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// Where a realm does not say (the token specification's own figure), and
	// the longest that is believed.
	tokenLife     = 60 * time.Second
	tokenLifeMost = 24 * time.Hour
	// A token is left so long before its end, or a tenth of its life: clocks
	// differ and requests wait in line.
	tokenMargin = 10 * time.Second
)

// A realmTrip carries the exchange's requests through the group's Transport.
type realmTrip struct {
	g    *Group
	m    *mirror // whose realm it is
	w    *watch
	rest time.Duration // Retry-After of the last answer
}

// RoundTrip follows no redirect: the request can have an identity token in its
// body.
func (t *realmTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.g.t.agent)
	resp, err := t.g.carry(t.m, req)
	if err != nil {
		return nil, err
	}
	t.w.arm("no bytes", t.g.timeouts.Idle)
	if isRedirect(resp.StatusCode) {
		drain(resp)
		return nil, refusedError("token request was redirected")
	}
	t.rest = retryAfter(resp.Header.Get("Retry-After"), t.g.t.now())
	return resp, nil
}

// trade asks the realm for a token. Its life counts from before the
// question: a reply's issued_at is by another clock, and a token that ends
// sooner than thought costs one 401.
func (g *Group) trade(ctx context.Context, m *mirror, login Login, o offer, scope string) (token, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := newWatch(cancel)
	defer w.disarm()
	trip := &realmTrip{g: g, m: m, w: w}
	begun := g.t.now()
	// A realm may stand at a private address: g.admit has judged it.
	own, err := name.NewRegistry(o.realm.Host, name.WeakValidation)
	if err != nil {
		return token{}, o.failed(answerError("is no host"))
	}
	reply, err := transport.Exchange(w.trace(ctx, g.timeouts), own, login.authenticator(), trip, scopes(within(o.scope, scope)), &transport.Challenge{
		Scheme:     "bearer",
		Parameters: map[string]string{"realm": o.realm.String(), "service": o.service},
		Insecure:   o.realm.Scheme == "http",
	})
	if err != nil {
		return token{}, g.explain(m, o, trip.rest, reason(ctx, err))
	}
	bearer := cmp.Or(reply.AccessToken, reply.Token)
	if !usableToken(bearer) {
		return token{}, o.failed(answerError("sent no usable token"))
	}
	life := tokenLife
	if reply.ExpiresIn > 0 {
		life = time.Duration(min(reply.ExpiresIn, int(tokenLifeMost/time.Second))) * time.Second
	}
	return token{"Bearer " + bearer, begun.Add(life - max(tokenMargin, life/10))}, nil
}

func scopes(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (l Login) authenticator() authn.Authenticator {
	if l.IsZero() {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{Username: l.Username, Password: l.Password, IdentityToken: l.IdentityToken})
}

// explain makes one of our errors of a failed exchange. The library's own
// texts can hold the realm's reply, and so secrets.
func (g *Group) explain(m *mirror, o offer, rest time.Duration, err error) error {
	var said *transport.Error
	var sent *url.Error
	var broke net.Error
	switch {
	case errors.As(err, &said):
		status := &StatusError{Repo: g.name, Mirror: o.realm.Scheme + "://" + o.realm.Host, Code: said.StatusCode, RetryAfter: rest}
		if sound(status) { // the mirror's 401 stands: a realm's 404 says nothing about the file
			status = &StatusError{Repo: g.name, Mirror: m.label, Code: http.StatusUnauthorized}
		}
		return &tokenError{what: o.what(), code: said.StatusCode, err: status}
	case errors.As(err, &sent):
		return o.failed(sent.Err)
	case isTimeout(err), errors.As(err, &broke), errors.Is(err, io.ErrUnexpectedEOF):
		return o.failed(err)
	}
	return o.failed(answerError("sent no usable token"))
}

// A tokenError is that a mirror's 401 could not be answered.
type tokenError struct {
	what string
	code int // what the realm answered, 0 nothing usable
	err  error
	// blameless: it says nothing about the mirror, which must not be shut to
	// others for it.
	blameless bool
}

func (o offer) failed(err error) error { return &tokenError{what: o.what(), err: err} }

func (o offer) what() string {
	if o.realm == nil {
		return "login"
	}
	return "token from " + oneLine(o.realm.Host)
}

func (e *tokenError) Error() string {
	if e.code != 0 && sound(e.err) {
		return fmt.Sprintf("%v; %s: %d %s", e.err, e.what, e.code, http.StatusText(e.code))
	}
	return e.what + ": " + brief(e.err)
}

func (e *tokenError) Unwrap() error { return e.err }

// blameless: err says nothing about the mirror, which must not be shut to others
// for it.
func (r Request) blameless(err error) bool {
	var t *tokenError
	var s *StatusError
	return errors.As(err, &t) && t.blameless || errors.As(err, &s) && s.crowded || r.overLimit(err)
}
