package upstream

import (
	"crypto/tls"
	"net/http"
	"net/url"
)

// A Hub is a mirrord that a group asks before its mirrors, however long it takes: they
// are asked for what it fails to give, or has not, and for nothing else.
type Hub struct {
	Base  *url.URL    // of the repository at the hub, without userinfo
	TLS   *tls.Config // nil: what all are asked with
	Token string      // goes to it as the bearer token, and to nobody else; not ""
}

// hubPatience is how many times as long as a mirror a hub may take to answer: it asks
// several mirrors, one after the other, before it says no.
const hubPatience = 3

// errHubRefuses is no word about what was asked for, and so a failure of the hub: it
// is about who asks.
var errHubRefuses = answerError("refuses this mirrord's token, or grants it not this repository")

// addHub puts the hub in front of the mirrors.
func (t *Transport) addHub(h *Hub) *mirror {
	t.register(hostPort(h.Base))
	m := newMirror(h.Base, nil, t.now)
	m.hub, m.auth = true, "Bearer "+h.Token
	if h.TLS != nil {
		m.own = t.another(h.TLS)
	}
	return m
}

// refusesEdge reports a hub's own refusal. One of a registry behind it names no scheme.
func (m *mirror) refusesEdge(resp *http.Response) bool {
	return m.hub && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) &&
		resp.Header.Get("WWW-Authenticate") != ""
}

// hubLeads reports that there is a hub and that it is well: nobody else is asked beside it.
func (g *Group) hubLeads() bool {
	for _, m := range g.mirrors() {
		if s, _ := m.breaker.state(); m.hub {
			return s == Closed && !m.breaker.suspect()
		}
	}
	return false
}
