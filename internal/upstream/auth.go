package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// answer makes one request to one mirror and, where r has a Scope, answers the
// mirror's 401 once. What the caller gets is the mirror's last word.
func (g *Group) answer(ctx context.Context, w *watch, m *mirror, method string, r Request, sent http.Header) (*http.Response, error) {
	limits := g.timeouts
	if m.hub {
		limits.Header *= hubPatience
	}
	traced, to := w.trace(ctx, limits), target(m.base, r.Path, r.Query)
	send := func(auth string) (*http.Response, error) {
		asked := g.t.now()
		resp, err := g.send(traced, m, method, to, sent, auth)
		if err != nil {
			err = reason(ctx, err)
		} else if telling(resp.StatusCode) {
			m.meter.answered(g.t.now().Sub(asked))
		}
		if err == nil && r.Scope != "" && resp.StatusCode == http.StatusUnauthorized {
			drain(resp)
		}
		w.disarm()
		return resp, err
	}
	switch {
	case r.Scope == "", m.hub:
		return send(m.auth)
	case r.As != nil && r.As.Bearer != "":
		return send("Bearer " + r.As.Bearer)
	}
	key := strings.Join([]string{m.label, r.Scope, g.identity(m, r)}, "\x00")
	auth := g.tokens.get(key)
	resp, err := send(auth)
	if err != nil || !m.refuses(resp) {
		return resp, err
	}
	g.tokens.drop(key, auth)
	o, ok := choose(parseChallenges(resp.Header.Values("WWW-Authenticate")))
	if !ok {
		return resp, nil
	}
	auth, err = g.tokens.obtain(ctx, key, func(ctx context.Context) (token, error) { return g.earn(ctx, m, r, o) })
	if err != nil {
		return nil, o.fault(r, err)
	}
	if auth == "" {
		return resp, nil
	}
	if resp, err = send(auth); err == nil && m.refuses(resp) {
		g.tokens.drop(key, auth)
	}
	return resp, err
}

// telling: how soon such an answer came says how soon a good one would.
func telling(code int) bool { return code < 500 && code != http.StatusTooManyRequests }

// identity tells in a token's key for whom it was given. The group's own
// logins share one: they are looked up only when a token is needed.
func (g *Group) identity(m *mirror, r Request) string {
	switch {
	case r.As != nil:
		return r.As.Mark()
	case g.login != nil:
		return "own"
	}
	return m.login.Mark()
}

// refuses: the 401 is the mirror's own. One of a host that it redirected to
// must not lead to the mirror's realm.
func (m *mirror) refuses(resp *http.Response) bool {
	return resp.StatusCode == http.StatusUnauthorized && m.serves(resp.Request.URL)
}

// serves says whether u is at the mirror itself: only there credentials go.
func (m *mirror) serves(u *url.URL) bool {
	return u.Scheme == m.base.Scheme && hostPort(u) == hostPort(m.base)
}

// earn takes up an offer with r's credentials.
func (g *Group) earn(ctx context.Context, m *mirror, r Request, o offer) (token, error) {
	limit := g.timeouts.Connect + g.timeouts.Header + g.timeouts.Idle
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &timeoutError{"no token", limit})
	defer cancel()
	if err := g.admit(m, o.realm); err != nil {
		return token{}, &tokenError{what: o.what(), err: err, blameless: true}
	}
	login, err := g.whose(ctx, m, r)
	switch {
	case err != nil:
		return token{}, err
	case login.Bearer != "":
		return token{"Bearer " + login.Bearer, g.t.now().Add(tokenLife)}, nil
	case o.realm == nil:
		return token{login.basic(), g.t.now().Add(basicFor)}, nil
	}
	return g.trade(ctx, m, login, o, r.Scope)
}

// whose are the credentials that r is asked with.
func (g *Group) whose(ctx context.Context, m *mirror, r Request) (Login, error) {
	switch {
	case r.As != nil:
		return *r.As, nil
	case g.login == nil:
		return m.login, nil
	}
	login, err := g.login(ctx, m.base.Host)
	if err != nil {
		return Login{}, &tokenError{what: "credentials for " + m.base.Host, err: err, blameless: true}
	}
	if login.IsZero() {
		return m.login, nil
	}
	return login, nil
}

// fault is err as the failure of r: a client's credentials can be why a realm
// fails in whatever way, and the mirror has answered.
func (o offer) fault(r Request, err error) error {
	fault := tokenError{what: o.what(), err: err}
	var t *tokenError
	if errors.As(err, &t) {
		fault = *t // others wait for the same
	}
	fault.blameless = fault.blameless || r.As != nil && !r.As.IsZero()
	return &fault
}

// addRealms lets the hosts be dialled and be asked for tokens: a bare name at
// the scheme's own port, plain http only for a plain mirror.
func (g *Group) addRealms(realms []string, plain bool) {
	g.realms = map[string]bool{}
	schemes := []string{"https"}
	if plain {
		schemes = append(schemes, "http")
	}
	for _, realm := range realms {
		for _, scheme := range schemes {
			u := url.URL{Scheme: scheme, Host: realm}
			g.realms[scheme+"://"+hostPort(&u)] = true
			g.t.register(hostPort(&u))
		}
	}
}

// admit says whether credentials may be sent to a realm, nil for none.
func (g *Group) admit(m *mirror, realm *url.URL) error {
	switch {
	case realm == nil:
		return nil
	case realm.Scheme != "https" && realm.Scheme != m.base.Scheme:
		return refusedError("refused: " + realm.Scheme + ", where the mirror is " + m.base.Scheme)
	case hostPort(realm) == hostPort(m.base), g.realms[realm.Scheme+"://"+hostPort(realm)]:
		return nil
	}
	return refusedError("refused: the host is not listed under realms")
}
