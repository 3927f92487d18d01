package server

import (
	"net/http"
	"strconv"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"
	"mirrord/internal/upstream"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own counters, in Prometheus' conventions.
type metrics struct {
	registry *prometheus.Registry
	answers  *prometheus.CounterVec
	failures *prometheus.CounterVec
}

// newMetrics makes the counters; stats and upstreams tell of the store and of the
// mirrors, where they are not nil.
func newMetrics(stats func() cache.Stats, upstreams func() []mirror.Upstream) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_answers_total", Help: "Artifact answers, by repository and by how they came.",
		}, []string{"repo", "cache"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_failures_total", Help: "Requests that ended in an error, by status.",
		}, []string{"status"}),
	}
	m.registry.MustRegister(m.answers, m.failures, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if stats != nil {
		m.gauge("mirrord_cache_objects", "Objects stored.", func() float64 { return float64(stats().Objects) })
		m.gauge("mirrord_cache_bytes", "Bytes of the objects stored.", func() float64 { return float64(stats().Bytes) })
		m.gauge("mirrord_cache_reserved_bytes", "Bytes set aside for fills and partials.", func() float64 { return float64(stats().Reserved) })
		m.gauge("mirrord_flights", "Fills under way.", func() float64 { return float64(stats().Flights) })
	}
	if upstreams != nil {
		m.registry.MustRegister(upstreamCollector(upstreams))
	}
	return m
}

func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

var howNames = map[cache.How]string{cache.Hit: "hit", cache.Miss: "miss", cache.Joined: "joined"}

// how is in one word how an answer came.
func how(a *mirror.Answer) string {
	if a.Stale != "" {
		return "stale"
	}
	return howNames[a.How]
}

// answered counts an answer. The repository is a configured one here, so its
// name is safe as a label.
func (m *metrics) answered(repo, how string) { m.answers.WithLabelValues(repo, how).Inc() }

func (m *metrics) failed(status int) { m.failures.WithLabelValues(strconv.Itoa(status)).Inc() }

// upstreamCollector reads what is known of the mirrors when it is asked.
type upstreamCollector func() []mirror.Upstream

var (
	upstreamLabels = []string{"repo", "upstream"}
	upstreamUp     = prometheus.NewDesc("mirrord_upstream_up", "1 where the mirror is asked, 0 where it is left alone for its failures.", upstreamLabels, nil)
	rateLimit      = prometheus.NewDesc("mirrord_upstream_rate_limit", "Requests that the mirror allows in its window, as it said last.", upstreamLabels, nil)
	firstByteTime  = prometheus.NewDesc("mirrord_upstream_first_byte_seconds", "From a request to the mirror's answer, an average over the last dozen.", upstreamLabels, nil)
	throughput     = prometheus.NewDesc("mirrord_upstream_throughput_bytes_per_second", "Of one body of the mirror, an average over its last seconds.", upstreamLabels, nil)
	errorRatio     = prometheus.NewDesc("mirrord_upstream_error_ratio", "Part of the requests to the mirror that failed, an average over the last dozen.", upstreamLabels, nil)
	bodies         = prometheus.NewDesc("mirrord_upstream_bodies", "Bodies that are under way from the mirror.", upstreamLabels, nil)
	lastUsed       = prometheus.NewDesc("mirrord_upstream_last_used_timestamp_seconds", "When the mirror answered or failed last.", upstreamLabels, nil)
	left           = prometheus.NewDesc("mirrord_upstream_left_total", "What was taken from the mirror before its end, by reason.", append(upstreamLabels, "reason"), nil)
	behind         = prometheus.NewDesc("mirrord_upstream_behind", "1 where the mirror is passed over for roots: it had an older one than is known.", upstreamLabels, nil)
	rateWindow     = prometheus.NewDesc("mirrord_upstream_rate_limit_window_seconds", "How long that window is, where the mirror says so.", upstreamLabels, nil)
	rateRemaining  = prometheus.NewDesc("mirrord_upstream_rate_limit_remaining", "Requests that were left of it.", upstreamLabels, nil)
)

func (upstreamCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upstreamUp, rateLimit, rateWindow, rateRemaining, firstByteTime, throughput, errorRatio, bodies, lastUsed, left, behind} {
		ch <- d
	}
}

func (c upstreamCollector) Collect(ch chan<- prometheus.Metric) {
	for _, u := range c() {
		for _, m := range u.Mirrors {
			gauge := func(d *prometheus.Desc, value float64) {
				ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, u.Repo, m.Mirror)
			}
			up := 1.0
			if m.State == upstream.Open {
				up = 0
			}
			gauge(upstreamUp, up)
			gauge(bodies, float64(m.Active))
			late := 0.0
			if m.Behind {
				late = 1
			}
			gauge(behind, late)
			if !m.Used.IsZero() {
				gauge(firstByteTime, m.FirstByte.Seconds())
				gauge(errorRatio, m.Errors)
				gauge(lastUsed, float64(m.Used.UnixMilli())/1000)
			}
			for reason, n := range m.Left {
				ch <- prometheus.MustNewConstMetric(left, prometheus.CounterValue, float64(n), u.Repo, m.Mirror, reason)
			}
			if m.Throughput > 0 {
				gauge(throughput, m.Throughput)
			}
			if l := m.RateLimit; l != nil {
				gauge(rateLimit, float64(l.Limit))
				gauge(rateRemaining, float64(l.Remaining))
				if l.Window > 0 {
					gauge(rateWindow, l.Window.Seconds())
				}
			}
		}
	}
}
