package upstream

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// A RateLimit is what a mirror said of how often it may be asked.
type RateLimit struct {
	Limit, Remaining int
	Window           time.Duration // 0 where the mirror does not say
}

// Longer windows than this are nonsense, and would overflow.
const windowMost = 366 * 24 * time.Hour

// parseRateLimit reads "100;w=21600" out of RateLimit-Limit and
// RateLimit-Remaining: Docker Hub's form, and GitLab's without a window.
func parseRateLimit(h http.Header) (RateLimit, bool) {
	limit, window, ok := quota(h.Get("RateLimit-Limit"))
	remaining, _, ok2 := quota(h.Get("RateLimit-Remaining"))
	return RateLimit{Limit: limit, Remaining: remaining, Window: window}, ok && ok2
}

// quota reads the first element of a list of "N;w=SECONDS".
func quota(v string) (n int, window time.Duration, ok bool) {
	v, _, _ = strings.Cut(v, ",")
	count, rest, _ := strings.Cut(v, ";")
	big, ok := digits(strings.TrimSpace(count))
	if !ok || big > math.MaxInt32 {
		return 0, 0, false
	}
	for p := range strings.SplitSeq(rest, ";") {
		seconds, is := strings.CutPrefix(strings.TrimSpace(p), "w=")
		if s, valid := digits(seconds); is && valid && s <= int64(windowMost/time.Second) {
			window = time.Duration(s) * time.Second
		}
	}
	return int(big), window, true
}

// hear keeps what an answer of the mirror says. The value that is kept never
// changes.
func (m *mirror) hear(h http.Header) {
	if r, ok := parseRateLimit(h); ok {
		m.rate.Store(&r)
	}
}
