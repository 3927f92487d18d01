package server

import (
	"strconv"
	"sync/atomic"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
)

// way is how an answer came.
type way int

const (
	hit         way = iota // it was stored
	miss                   // its request had it fetched
	joined                 // another's request had
	revalidated            // it was stored, and upstream was asked whether it still holds
	stale                  // it was stored, and upstream could not tell
	ways
)

var wayNames = [ways]string{"hit", "miss", "joined", "revalidated", "stale"}

func (w way) String() string { return wayNames[w] }

func wayOf(a *mirror.Answer) way {
	switch {
	case a.Stale != "":
		return stale
	case a.Validated:
		return revalidated
	case a.How == cache.Hit:
		return hit
	case a.How == cache.Joined:
		return joined
	}
	return miss
}

// metrics are the server's own counters.
type metrics struct {
	answers   *prometheus.CounterVec
	sent      *prometheus.CounterVec
	firstByte *prometheus.HistogramVec
	failures  *prometheus.CounterVec

	differences *prometheus.CounterVec
	spared      *prometheus.CounterVec

	// repos are the counters that a hit needs, found without a look-up by labels. A map
	// does not change once it is here.
	repos atomic.Pointer[map[string]*repoCounts]
}

// repoCounts are the counters of one repository.
type repoCounts struct {
	answers, sent [ways]prometheus.Counter
	firstByte     prometheus.Observer
}

func newMetrics(r prometheus.Registerer, repos []string) *metrics {
	m := &metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_answers_total", Help: "Artifact answers, by repository and by how they came.",
		}, []string{"repo", "cache"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_sent_bytes_total", Help: "Bytes of artifacts sent to clients, by repository and by how they came.",
		}, []string{"repo", "cache"}),
		firstByte: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "mirrord_first_byte_seconds", Help: "From the request to the first byte for the client, where upstream had to be asked for it.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2.5, 10), // to 19 s, about the longest that one mirror is waited for
		}, []string{"repo"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_failures_total", Help: "Requests that ended in an error, by repository, where it is one's, and by status.",
		}, []string{"repo", "status"}),
		differences: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_differences_total", Help: "Artifact answers that were a difference to what the client had, by repository.",
		}, []string{"repo"}),
		spared: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mirrord_differences_spared_bytes_total", Help: "Bytes by which these were smaller than the artifacts, by repository.",
		}, []string{"repo"}),
	}
	if r != nil {
		r.MustRegister(m.answers, m.sent, m.firstByte, m.failures, m.differences, m.spared)
	}
	m.repos.Store(&map[string]*repoCounts{})
	for _, name := range repos {
		m.of(name)
	}
	return m
}

// of are the counters of a repository, which is a configured one: its name is safe
// as a label.
func (m *metrics) of(repo string) *repoCounts {
	for {
		old := m.repos.Load()
		if c, ok := (*old)[repo]; ok {
			return c
		}
		all := map[string]*repoCounts{repo: m.newCounts(repo)}
		for name, c := range *old {
			all[name] = c
		}
		m.repos.CompareAndSwap(old, &all)
	}
}

func (m *metrics) newCounts(repo string) *repoCounts {
	c := &repoCounts{firstByte: m.firstByte.WithLabelValues(repo)}
	for w := range ways {
		c.answers[w] = m.answers.WithLabelValues(repo, w.String())
		c.sent[w] = m.sent.WithLabelValues(repo, w.String())
	}
	return c
}

func (m *metrics) failed(repo string, status int) {
	m.failures.WithLabelValues(repo, strconv.Itoa(status)).Inc()
}

// coded counts an answer that is that many bytes smaller than the artifact.
func (m *metrics) coded(repo string, spared int64) {
	m.differences.WithLabelValues(repo).Inc()
	m.spared.WithLabelValues(repo).Add(float64(spared))
}
