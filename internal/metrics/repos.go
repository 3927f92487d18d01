package metrics

import (
	"cmp"
	"time"

	"mirrord/internal/mirror"

	"github.com/prometheus/client_golang/prometheus"
)

// rootsMost bounds the roots of one repository that are told of by name, the first by
// their names: a large mirror has hundreds, and each has several series.
const rootsMost = 100

var (
	roots         = gauge("mirrord_roots", "Roots of the repository that are known: suites, repomd.xml.", "repo")
	rootDate      = gauge("mirrord_root_date_timestamp_seconds", "When upstream made the root's current generation.", "repo", "root")
	rootConfirmed = gauge("mirrord_root_confirmed_timestamp_seconds", "When upstream last confirmed the root, since the start.", "repo", "root")
	refreshes     = counter("mirrord_refreshes_total", "Refreshes of the repository's roots, by what became of them.", "repo", "outcome")
)

var outcomes = []mirror.Outcome{mirror.Unchanged, mirror.Changed, mirror.Fetched, mirror.GoneAway, mirror.Failed}

func (o Options) tracked() prometheus.Collector {
	return collector{[]family{roots, rootDate, rootConfirmed, refreshes}, func(to sink) {
		for _, t := range o.Tracked() {
			to.put(roots, float64(len(t.Roots)), t.Repo)
			for _, root := range t.Roots[:min(len(t.Roots), rootsMost)] {
				dir := cmp.Or(root.Dir, "/")
				to.when(rootDate, root.Date, t.Repo, dir)
				to.when(rootConfirmed, root.Checked, t.Repo, dir)
			}
			for _, how := range outcomes {
				to.put(refreshes, float64(t.Refreshes[how]), t.Repo, string(how))
			}
		}
	}}
}

// when tells a time that is known.
func (to sink) when(f family, t *time.Time, labels ...string) {
	if t != nil {
		to.put(f, float64(t.UnixMilli())/1000, labels...)
	}
}

var (
	scrubObjects = counter("mirrord_scrub_objects_total", "Stored objects read again.")
	scrubBytes   = counter("mirrord_scrub_bytes_total", "Bytes of them.")
	scrubRotten  = counter("mirrord_scrub_rotten_objects_total", "Of them, those that were wrong and are removed.")
	scrubHealed  = counter("mirrord_scrub_healed_objects_total", "Of these, those that were fetched again.")
	scrubPass    = gauge("mirrord_scrub_pass_ratio", "Part of this pass that is done.")
	scrubEnded   = gauge("mirrord_scrub_last_pass_timestamp_seconds", "When the last whole pass ended.")
)

// scrub tells nothing where nothing is scrubbed.
func (o Options) scrub() prometheus.Collector {
	return collector{[]family{scrubObjects, scrubBytes, scrubRotten, scrubHealed, scrubPass, scrubEnded}, func(to sink) {
		st := o.Scrubbed()
		if st == nil {
			return
		}
		to.put(scrubObjects, float64(st.Objects))
		to.put(scrubBytes, float64(st.Bytes))
		to.put(scrubRotten, float64(st.Rotten))
		to.put(scrubHealed, float64(st.Healed))
		to.put(scrubPass, st.Part)
		to.when(scrubEnded, st.Ended)
	}}
}

var certificate = gauge("mirrord_tls_certificate_expiry_timestamp_seconds", "When the certificate of listen_tls ends, of tls.cert.")

func (o Options) certificate() prometheus.Collector {
	return collector{[]family{certificate}, func(to sink) {
		end := o.Certificate()
		to.when(certificate, &end)
	}}
}
