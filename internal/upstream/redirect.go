package upstream

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

const redirectsMost = 5

// send makes one request and follows redirects within the rules. auth, the
// Authorization field, goes to the mirror itself only. The caller closes the
// answer's body.
func (g *Group) send(ctx context.Context, m *mirror, method string, u *url.URL, h http.Header, auth string) (*http.Response, error) {
	ctx = g.admitListed(ctx, m, u)
	for hops := 0; ; hops++ {
		req := (&http.Request{Method: method, URL: u, Host: u.Host, Header: h.Clone()}).WithContext(forHost(ctx, hostPort(u)))
		req.Header.Set("User-Agent", g.t.agent)
		if auth != "" && m.serves(u) {
			req.Header.Set("Authorization", auth)
		}
		resp, err := g.carry(m, req)
		if err == nil && m.serves(u) {
			m.hear(resp.Header)
		}
		if err != nil || !isRedirect(resp.StatusCode) {
			return resp, err
		}
		location := resp.Header.Get("Location")
		drain(resp)
		if hops == redirectsMost {
			return nil, refusedError("redirected too often")
		}
		if u, err = g.follow(u, location); err != nil {
			return nil, err
		}
		if m.hub && !m.serves(u) { // to itself it sends edges while it restarts
			return nil, refusedError("a hub that redirects elsewhere is not followed")
		}
		if !g.t.configured(hostPort(u)) {
			ctx = context.WithValue(ctx, admittedKey{}, hostPort(u))
		}
	}
}

// carry makes one request, under a span where there are any. That ends with the
// answer's header.
func (g *Group) carry(m *mirror, req *http.Request) (*http.Response, error) {
	rt := g.through(m, req.URL)
	if g.t.trace == nil {
		return rt.RoundTrip(req)
	}
	end := g.t.trace(req.Context(), g.name, req)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		end(0, outcome(reason(req.Context(), err)))
		return nil, err
	}
	end(resp.StatusCode, "")
	return resp, nil
}

// through is what carries a request of m's to u: its own connections to its own
// host only.
func (g *Group) through(m *mirror, u *url.URL) http.RoundTripper {
	if g.t.instead != nil {
		return g.t.instead
	}
	if m.own != nil && m.serves(u) {
		return m.own
	}
	return g.t.rt
}

func isRedirect(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow says where a redirect leads, or why it may not. What foreign servers
// wrote into Location is not repeated in errors: it can hold signed URLs.
func (g *Group) follow(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || location == "" || to.Hostname() == "" {
		return nil, refusedError("redirect without a usable Location")
	}
	to.User = nil
	switch {
	case to.Scheme != "http" && to.Scheme != "https":
		return nil, refusedError("redirect to another scheme refused")
	case from.Scheme == "https" && to.Scheme == "http":
		return nil, refusedError("redirect from https to http refused")
	case g.t.configured(hostPort(to)):
		return to, nil
	case !g.admits(to) && !g.isListed(to):
		return nil, refusedError("redirect to " + oneLine(to.Host) + " refused: host is not configured")
	}
	// A proxy would dial this itself, past onlyPublic.
	if a, err := netip.ParseAddr(to.Hostname()); err == nil && !public(a) {
		return nil, refusedError("redirect to a private address refused")
	}
	return to, nil
}

// admits says whether one of the group's Redirects fits: "host" or "*.domain"
// on the scheme's own port, "host:port" on that one.
func (g *Group) admits(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		port = ""
	}
	for _, p := range g.redirects {
		want, wantPort, _ := strings.Cut(strings.ToLower(p), ":")
		if wantPort != port {
			continue
		}
		domain, wild := strings.CutPrefix(want, "*")
		if host == want || wild && strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}
