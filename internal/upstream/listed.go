package upstream

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// listedMost bounds the mirrors that a group takes from lists.
const listedMost = 50

// mirrors are those asked now: as configured, then as listed. The slice does not
// change.
func (g *Group) mirrors() []*mirror { return *g.all.Load() }

// SetListed replaces the mirrors that a list gave by these, which come after the
// configured ones; what is known of one that stays is kept. Their hosts are not of
// the configuration: each is dialled at public addresses only, unless it is configured
// for some repository. What may not be a mirror is left out.
func (g *Group) SetListed(bases []*url.URL) {
	g.listing.Lock()
	defer g.listing.Unlock()
	before := g.mirrors()
	all := slices.DeleteFunc(slices.Clone(before), func(m *mirror) bool { return m.listed })
	configured := len(all)
	for _, u := range bases {
		if len(all)-configured == listedMost || !g.listable(u) {
			continue
		}
		same := func(m *mirror) bool { return m.base.String() == u.String() }
		if slices.ContainsFunc(all, same) {
			continue
		}
		if i := slices.IndexFunc(before, same); i >= 0 {
			all = append(all, before[i])
			continue
		}
		m := newMirror(u, all, g.t.now)
		m.listed, m.tally = true, g.listed
		all = append(all, m)
	}
	g.all.Store(&all)
}

// listable: no scheme, credentials or address but those of a public mirror. A proxy
// would dial an address itself, past onlyPublic.
func (g *Group) listable(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err != nil || public(a) || g.t.configured(hostPort(u))
}

// SetReady has ready called before a question for a path: it may wait for a list and
// call SetListed. Call it before the group is used.
func (g *Group) SetReady(ready func(ctx context.Context, path string) error) { g.ready = ready }

// Ready waits until it is known which mirrors may have the path, of which there is one
// at least where the error is nil; who asks for Mirrors calls it first.
func (g *Group) Ready(ctx context.Context, path string) error {
	if g.t.offline {
		return &offlineError{g.name}
	}
	if g.ready != nil {
		if err := g.ready(ctx, path); err != nil {
			return err
		}
	}
	if len(g.mirrors()) == 0 {
		return g.unknownMirror("")
	}
	return nil
}

// admitListed lets the guarded dialer go to a mirror that a list gave.
func (g *Group) admitListed(ctx context.Context, m *mirror, u *url.URL) context.Context {
	if !m.listed || g.t.configured(hostPort(u)) {
		return ctx
	}
	return context.WithValue(ctx, admittedKey{}, hostPort(u))
}

// isListed reports a host that a list gave, on the scheme's own port: mirrors send
// clients on from http to https.
func (g *Group) isListed(u *url.URL) bool {
	if port := u.Port(); port != "" && !(port == "80" && u.Scheme == "http") && !(port == "443" && u.Scheme == "https") {
		return false
	}
	return slices.ContainsFunc(g.mirrors(), func(m *mirror) bool {
		return m.listed && strings.EqualFold(m.base.Hostname(), u.Hostname())
	})
}
