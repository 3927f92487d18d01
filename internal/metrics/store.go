package metrics

import (
	"mirrord/internal/cache"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	objects  = gauge("mirrord_cache_objects", "Objects stored.")
	bytes    = gauge("mirrord_cache_bytes", "Bytes of the objects stored.")
	reserved = gauge("mirrord_cache_reserved_bytes", "Bytes set aside for fills and partials.")
	flights  = gauge("mirrord_flights", "Fills under way.")
)

func store(stats func() cache.Stats) prometheus.Collector {
	return collector{[]family{objects, bytes, reserved, flights}, func(to sink) {
		st := stats()
		to.put(objects, float64(st.Objects))
		to.put(bytes, float64(st.Bytes))
		to.put(reserved, float64(st.Reserved))
		to.put(flights, float64(st.Flights))
	}}
}
