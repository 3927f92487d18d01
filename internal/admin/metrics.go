package admin

import "github.com/prometheus/client_golang/prometheus"

// How an act ended, and that nothing was done since the call was not admitted.
const (
	done    = "done"
	failed  = "failed"
	refused = "refused"
)

// newCalls counts what the audit log tells of, and the calls that were refused: their
// paths are anybody's words, and so their act is "". r may be nil.
func newCalls(r prometheus.Registerer) *prometheus.CounterVec {
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mirrord_admin_calls_total", Help: "Acts of the admin API by how they ended, and calls that were refused.",
	}, []string{"act", "outcome"})
	calls.WithLabelValues("", refused)
	if r != nil {
		r.MustRegister(calls)
	}
	return calls
}
