package metrics

import (
	"net/http"
	"runtime"
	"time"

	"mirrord/internal/cache"
	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options say whom to ask. What is nil is not told of.
type Options struct {
	Version string
	Stats   func() cache.Stats
	// MaxSize and MinFree are the store's bounds, in bytes.
	MaxSize, MinFree int64
	Upstreams        func() []mirror.Upstream
	Tracked          func() []mirror.Tracked
	Scrubbed         func() *mirror.ScrubState
	Certificate      func() time.Time // its end
}

// New makes a registry, in which others may register counters of their own.
func New(o Options) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), build(o.Version))
	if o.Stats != nil {
		r.MustRegister(o.store())
	}
	if o.Upstreams != nil {
		r.MustRegister(upstreams(o.Upstreams))
	}
	if o.Tracked != nil {
		r.MustRegister(o.tracked())
	}
	if o.Scrubbed != nil {
		r.MustRegister(o.scrub())
	}
	if o.Certificate != nil {
		r.MustRegister(o.certificate())
	}
	return r
}

// Handler answers scrapes.
func Handler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// family is the metrics of one name.
type family struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

// sink is where a collector puts what it finds.
type sink chan<- prometheus.Metric

func (to sink) put(f family, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(f.Desc, f.kind, value, labels...)
}

// truth is 1 or 0.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collector reads its families when it is asked.
type collector struct {
	families []family
	read     func(sink)
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.Desc
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) { c.read(ch) }

var buildInfo = gauge("mirrord_build_info", "1, labelled with what runs.", "version", "goversion")

func build(version string) prometheus.Collector {
	return collector{[]family{buildInfo}, func(to sink) { to.put(buildInfo, 1, version, runtime.Version()) }}
}
