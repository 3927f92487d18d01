package metrics

import (
	"mirrord/internal/mirror"
	"mirrord/internal/upstream"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	mirrors       = gauge("mirrord_upstream_mirrors", "Mirrors of the repository, listed ones too, by the state of their breakers.", "repo", "state")
	requests      = counter("mirrord_upstream_requests_total", "Requests to the mirror, by what came of them.", "repo", "upstream", "outcome")
	received      = counter("mirrord_upstream_received_bytes_total", "Bytes of bodies that came from the mirror.", "repo", "upstream")
	up            = gauge("mirrord_upstream_up", "1 where the mirror is asked, 0 where it is left alone for its failures.", "repo", "upstream")
	behind        = gauge("mirrord_upstream_behind", "1 where the mirror is passed over for roots: it had an older one than is known.", "repo", "upstream")
	bodies        = gauge("mirrord_upstream_bodies", "Bodies that are under way from the mirror.", "repo", "upstream")
	firstByte     = gauge("mirrord_upstream_first_byte_seconds", "From a request to the mirror's answer, an average over the last dozen.", "repo", "upstream")
	throughput    = gauge("mirrord_upstream_throughput_bytes_per_second", "Of one body of the mirror, an average over its last seconds.", "repo", "upstream")
	errorRatio    = gauge("mirrord_upstream_error_ratio", "Part of the requests to the mirror that failed, an average over the last dozen.", "repo", "upstream")
	lastUsed      = gauge("mirrord_upstream_last_used_timestamp_seconds", "When the mirror answered or failed last.", "repo", "upstream")
	left          = counter("mirrord_upstream_left_total", "What was taken from the mirror before its end, by reason.", "repo", "upstream", "reason")
	rateLimit     = gauge("mirrord_upstream_rate_limit", "Requests that the mirror allows in its window, as it said last.", "repo", "upstream")
	rateRemaining = gauge("mirrord_upstream_rate_limit_remaining", "Requests that were left of it.", "repo", "upstream")
	rateWindow    = gauge("mirrord_upstream_rate_limit_window_seconds", "How long that window is, where the mirror says so.", "repo", "upstream")
)

func upstreams(all func() []mirror.Upstream) prometheus.Collector {
	families := []family{mirrors, requests, received, up, behind, bodies, firstByte, throughput, errorRatio, lastUsed, left, rateLimit, rateRemaining, rateWindow}
	return collector{families, func(to sink) {
		for _, u := range all() {
			to.mirrors(u)
			for _, c := range u.Counts {
				to.put(received, float64(c.Received), u.Repo, c.Mirror)
				for outcome, n := range c.Requests {
					to.put(requests, float64(n), u.Repo, c.Mirror, outcome)
				}
			}
		}
	}}
}

// mirrors tells of each mirror of the configuration. Those of lists come and go, and
// there may be many: they are only counted.
func (to sink) mirrors(u mirror.Upstream) {
	states := map[upstream.BreakerState]int{upstream.Closed: 0, upstream.HalfOpen: 0, upstream.Open: 0}
	for _, m := range u.Mirrors {
		states[m.State]++
		if !m.Listed {
			to.mirror(u.Repo, m)
		}
	}
	for state, n := range states {
		to.put(mirrors, float64(n), u.Repo, string(state))
	}
}

// mirror tells of one mirror. What is not known yet is left out.
func (to sink) mirror(repo string, m upstream.MirrorStatus) {
	to.put(up, truth(m.State != upstream.Open), repo, m.Mirror)
	to.put(behind, truth(m.Behind), repo, m.Mirror)
	to.put(bodies, float64(m.Active), repo, m.Mirror)
	if !m.Used.IsZero() {
		to.put(firstByte, m.FirstByte.Seconds(), repo, m.Mirror)
		to.put(errorRatio, m.Errors, repo, m.Mirror)
		to.put(lastUsed, float64(m.Used.UnixMilli())/1000, repo, m.Mirror)
	}
	for reason, n := range m.Left {
		to.put(left, float64(n), repo, m.Mirror, reason)
	}
	if m.Throughput > 0 {
		to.put(throughput, m.Throughput, repo, m.Mirror)
	}
	if l := m.RateLimit; l != nil {
		to.put(rateLimit, float64(l.Limit), repo, m.Mirror)
		to.put(rateRemaining, float64(l.Remaining), repo, m.Mirror)
		if l.Window > 0 {
			to.put(rateWindow, l.Window.Seconds(), repo, m.Mirror)
		}
	}
}
