package upstream

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// admittedKey carries, in a request's context, the host:port that a redirect
// pattern of its group let in. net/http hands the value on to the dial.
type admittedKey struct{}

// dial is the only way out. Happy Eyeballs is net.Dialer's own.
func (t *Transport) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	switch {
	case t.offline:
		return nil, ErrOffline
	case t.configured(addr), t.isProxy(addr):
		return t.direct.DialContext(ctx, network, addr)
	case ctx.Value(admittedKey{}) == strings.ToLower(addr):
		return t.guarded.DialContext(ctx, network, addr)
	}
	return nil, refusedError("host is not configured")
}

// onlyPublic looks at the resolved address, after DNS and before connect, so
// that no name can be made to point inside.
func onlyPublic(_ context.Context, _, addr string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !public(at.Addr()) {
		return refusedError("host has a private address")
	}
	return nil
}

// Ranges that netip does not name (IANA special-purpose registries). The two
// IPv6 prefixes embed IPv4 addresses that would slip through.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
