// Package metrics tells Prometheus what a mirrord has counted.
//
//	scrape ─► registry ─► collectors: ask the store, the mirror and so on, now
//	                  └─► counters of the server and of the admin API, which are theirs
//
// Who counts below knows no Prometheus. docs/metrics.md lists every name; a test holds
// it against what is exposed.
package metrics
