package server

import (
	"net/http"
	"strconv"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"

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

// newMetrics makes the counters; stats, where it is not nil, tells of the store.
func newMetrics(stats func() cache.Stats) *metrics {
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
	return m
}

func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

var howNames = map[cache.How]string{cache.Hit: "hit", cache.Miss: "miss", cache.Joined: "joined"}

// answered counts an answer. The repository is a configured one here, so its
// name is safe as a label.
func (m *metrics) answered(repo string, a *mirror.Answer) {
	how := howNames[a.How]
	if a.Stale != "" {
		how = "stale"
	}
	m.answers.WithLabelValues(repo, how).Inc()
}

func (m *metrics) failed(status int) { m.failures.WithLabelValues(strconv.Itoa(status)).Inc() }
