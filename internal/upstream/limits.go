package upstream

import (
	"errors"
	"net/http"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// limitsMost bounds the logins that are known to be over a limit, at about 200
	// bytes each.
	limitsMost = 4096
	// limitedFor is how long one is not asked for where a 429 does not say.
	limitedFor = 2 * time.Second
)

// limits remembers which logins a mirror wants to come later. Registries count by
// account, so that one's 429 says nothing about another's.
type limits struct {
	now  func() time.Time
	held *lru.Cache[string, limit]
}

type limit struct {
	until time.Time
	err   error
}

func newLimits(now func() time.Time) limits {
	held, err := lru.New[string, limit](limitsMost)
	if err != nil {
		panic(err) // the size is a constant
	}
	return limits{now, held}
}

// limited is why m is not to be asked r yet, nil where it may be.
func (g *Group) limited(m *mirror, r Request) error {
	if r.Scope == "" {
		return nil
	}
	if l, ok := g.limits.held.Get(g.limitKey(m, r)); ok && g.limits.now().Before(l.until) {
		return &coolingError{l.err}
	}
	return nil
}

// limit notes a 429 of m.
func (g *Group) limit(m *mirror, r Request, err error) {
	rest := min(max(restAsked(err), limitedFor), retryAfterMost)
	g.limits.held.Add(g.limitKey(m, r), limit{g.limits.now().Add(rest), err})
}

func (g *Group) limitKey(m *mirror, r Request) string {
	return strings.Join([]string{m.label, g.identity(m, r)}, "\x00")
}

// overLimit: a registry says to come later, to who has asked it r.
func (r Request) overLimit(err error) bool {
	var s *StatusError
	return r.Scope != "" && errors.As(err, &s) && s.Code == http.StatusTooManyRequests && !s.crowded
}
