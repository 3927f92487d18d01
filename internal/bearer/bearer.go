// Package bearer reads who asks from a request: the secret it shows, and whether
// anybody on the way could have read that.
package bearer

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Secret is the request's bearer token, "" where it has none.
func Secret(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// Private reports a request that nobody on the way could read: by TLS, or from this
// machine.
func Private(r *http.Request) bool {
	addr, err := netip.ParseAddr(Address(r))
	return r.TLS != nil || err == nil && addr.Unmap().IsLoopback()
}

// Address is the client's, without port. What a proxy says of it is not believed.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
